"""Tests of daemon.storage."""
