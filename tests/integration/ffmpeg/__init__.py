"""Tests of daemon.ffmpeg."""
