"""Headless Chromium plays what the real daemon sends."""
