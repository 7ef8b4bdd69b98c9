"""Logging: set it up, look at the last lines, take secrets out of any text."""

from daemon.log.buffer import LogBuffer
from daemon.log.pipeline import Pipeline, console, setup
from daemon.log.redact import is_secret_name, redact

__all__ = ["LogBuffer", "Pipeline", "console", "is_secret_name", "redact", "setup"]
