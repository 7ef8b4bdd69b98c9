"""Tests of daemon.rtc."""
