"""Secrets in addresses and FFmpeg arguments, taken out before a screen shows them (K4).

The server does so in states and logs; a process config it gives back as it was written.
"""

import re
from collections.abc import Iterable
from typing import Any

MASK = "***"

_USER = re.compile(r"(?<![\w+.-])([A-Za-z][\w+.-]{0,31}://)[^\s/?#\"'<>|]*@")
_STREAM_KEY = re.compile(r"(?i)\b(rtmp[a-z]{0,3}://[^\s/?#|]+/(?:[^\s/?#|]+/)*)([^\s/?#|\]]+)")
_PAIR = re.compile(r"([\w.-]{1,64})=([^\s&|\]\"']+)")
_SECRET = re.compile(
    r"(?i)(passw|passphrase|secret|token|credential|signature|authorization)"
    r"|(key|pass|pwd|psk|sig|streamid|auth|cookies?|jwt|headers)$"
)
_OPTIONS_BY_HABIT = frozenset({"-srtp_in_params", "-srtp_out_params"})


def mask(words: str) -> str:
    """Take user names with passwords, keys and tokens out of an address."""
    words = _USER.sub(rf"\1{MASK}@", words)
    words = _STREAM_KEY.sub(rf"\1{MASK}", words)
    return _PAIR.sub(_pair, words)


def mask_arguments(arguments: Iterable[str]) -> list[str]:
    """Do the same for FFmpeg's arguments: an option may say that its value is a secret."""
    shown: list[str] = []
    is_secret = False
    for argument in arguments:
        shown.append(MASK if is_secret else mask(argument))
        is_secret = argument.startswith("-") and is_secret_option(argument)
    return shown


def mask_config(value: Any) -> Any:
    """Mask every text of a process config; lists of texts are taken for arguments."""
    if isinstance(value, dict):
        return {key: mask_config(inner) for key, inner in value.items()}
    if isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            return mask_arguments(value)
        return [mask_config(item) for item in value]
    return mask(value) if isinstance(value, str) else value


def is_secret_option(option: str) -> bool:
    """Whether the argument after this one is a secret."""
    name = option.partition(":")[0]
    return name in _OPTIONS_BY_HABIT or _SECRET.search(name) is not None


def _pair(match: re.Match[str]) -> str:
    return f"{match[1]}={MASK}" if _SECRET.search(match[1]) else match[0]
