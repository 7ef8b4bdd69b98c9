"""Text -> the same text without secrets (K4): before every log line, report and error.

It rather takes out too much than too little. Every pattern is linear in the length of the text.
"""

import re

MASK = "***"

# Words that make a name a secret's wherever they stand in it, and those that do at its end.
_INSIDE = ("passw", "passphrase", "secret", "token", "credential", "signature", "authorization")
_AT_END = ("key", "pass", "pwd", "psk", "sig", "streamid", "auth", "cookie", "cookies", "jwt")

_QUOTED = r"\"(?:\\.|[^\"\\])*\"?|'(?:\\.|[^'\\])*'?"
_SLASHES = r"\\*:\\*/\\*/"  # a tee output escapes its colons

_URL_USER = re.compile(rf"(?<![\w+.-])([A-Za-z][\w+.-]{{0,31}}{_SLASHES})[^\s/?#\"'<>|]*@")
_RTMP_KEY = re.compile(
    rf"(?i)(?<![\w+.-])(rtmp[a-z]{{0,3}}{_SLASHES}[^\s/?#\"'|<>]+/)"
    r"((?:[^\s/?#\"'|<>\]]*/)*)([^\s/?#\"'|<>\]]+)"
)
_HEADER = re.compile(
    r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-api-key|x-auth-token)"
    r"(\\?[\"']?\s{0,8}[:=]\s{0,8}\\?[\"']?)[^\r\n\"'\\]+"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)(\s{1,8})[\w.~+/=-]{4,}")
_JWT = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*")
_SDP_PASSWORD = re.compile(r"(?i)\b(ice-pwd:)[^\s\\\"']+")
_GRANT = re.compile(r"(/memfs/~)[\w-]{16,}")  # who knows it may write to memory
_SESSION = re.compile(r"(/whep/)[\w-]{8,}")  # who knows the path may end the session

# What stands before a secret, and how far it goes. A value is looked at only after the name
# of a secret, for an open quote elsewhere would swallow one unseen.
_PAIR = re.compile(r"(?<![\w.%-])(?P<name>[\w.%-]{1,64})\s?=\s?")
_MEMBER = re.compile(r"(?<![\w.-])(\\?[\"']?)(?P<name>[\w.-]{1,64})\1\s{0,8}:\s{0,8}")
_OPTION = re.compile(r"(?<!\S)-(?P<name>[\w.-]{1,64})(?::\w{1,64}){0,8}\s{1,8}")
_PAIR_VALUE = re.compile(rf"{_QUOTED}|[^\s&\"'|<>\]]+")
_MEMBER_VALUE = re.compile(rf"{_QUOTED}|[^\s,&\"'|<>\]}}/]+")
_OPTION_VALUE = re.compile(rf"{_QUOTED}|\S+")


def redact(text: str) -> str:
    """Take out what lets somebody in: passwords, keys, tokens, session addresses."""
    text = _URL_USER.sub(rf"\1{MASK}@", text)
    text = _RTMP_KEY.sub(rf"\1\2{MASK}", text)
    text = _HEADER.sub(rf"\1\2{MASK}", text)
    text = _BEARER.sub(rf"\1\2{MASK}", text)
    text = _JWT.sub(MASK, text)
    text = _SDP_PASSWORD.sub(rf"\1{MASK}", text)
    text = _SESSION.sub(rf"\1{MASK}", text)
    text = _GRANT.sub(rf"\1{MASK}", text)
    text = _without_values(text, _PAIR, _PAIR_VALUE)
    text = _without_values(text, _MEMBER, _MEMBER_VALUE)
    return _without_values(text, _OPTION, _OPTION_VALUE)


def is_secret_name(name: str) -> bool:
    """Whether a key, option or query parameter of this name holds a secret."""
    plain = name.lower().strip("-_.")
    return plain.endswith(_AT_END) or any(word in plain for word in _INSIDE)


def _without_values(text: str, before: re.Pattern[str], value: re.Pattern[str]) -> str:
    """Mask the value after each secret name."""
    kept: list[str] = []
    end = 0
    for match in before.finditer(text):
        if match.end() < end or not is_secret_name(match["name"]):
            continue
        found = value.match(text, match.end())
        if found:
            kept += (text[end : match.end()], MASK)
            end = found.end()
    return "".join([*kept, text[end:]])
