"""Settings: TOML and environment into frozen values, and the service that edits them."""

from daemon.config.load import Loaded, default_path, load
from daemon.config.model import Config
from daemon.config.notes import NOT_ACTED_ON, value_at
from daemon.config.rules import is_loopback, split_address
from daemon.config.secrets import Secrets, load_secrets
from daemon.config.service import ConfigService

__all__ = [
    "NOT_ACTED_ON",
    "Config",
    "ConfigService",
    "Loaded",
    "Secrets",
    "default_path",
    "is_loopback",
    "load",
    "load_secrets",
    "split_address",
    "value_at",
]
