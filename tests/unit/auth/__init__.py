"""Tests of daemon.auth."""
