"""Tests of daemon.config."""
