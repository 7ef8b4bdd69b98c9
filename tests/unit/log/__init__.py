"""Tests of daemon.log."""
