"""Patterns of labels: the regular expressions that clients send, matched in linear time.

datarhei Core takes any expression that matches somewhere; here alternatives (``|``), ``.*``,
``.``, ``^``, ``$`` and what a backslash makes literal. Anything else stands for itself.
"""

import re
from collections.abc import Callable

from daemon.storage.glob import Glob

MAX_PATTERN = 256  # characters; what is longer matches nothing
_PIECE = re.compile(r"\\(?P<literal>.)|(?P<any>\.\*)|(?P<one>\.)|(?P<self>.)", re.DOTALL)


def label_pattern(text: str) -> Callable[[str], bool]:
    """Give what tells whether a label fits."""
    if len(text) > MAX_PATTERN:
        return lambda _: False
    globs = [_glob(part) for part in text.split("|")]
    return lambda value: any(glob.matches(f"/{value}") for glob in globs)


def _glob(text: str) -> Glob:
    begins, ends = text.startswith("^"), text.endswith("$") and not text.endswith("\\$")
    body = text[begins : len(text) - ends]
    pieces = "".join(_piece(match) for match in _PIECE.finditer(body))
    return Glob(("/" if begins else "/**") + pieces + ("" if ends else "**"))


def _piece(match: re.Match[str]) -> str:
    if match["any"]:
        return "**"
    if match["one"]:
        return "?"
    character: str = match["literal"] or match["self"]
    return f"[{character}]" if character in "*?[" else character
