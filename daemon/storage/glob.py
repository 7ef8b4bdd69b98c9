"""Glob: patterns over paths, in time linear in the path whatever the pattern is.

``*`` and ``?`` stay within a directory, ``**`` crosses slashes, ``[a-z]`` and ``[!a-z]`` are
one character. Anybody may send a pattern, so it is no regular expression: those can take ages.
"""

import re
from collections.abc import Iterator

MAX_PATTERN = 1024  # characters; what is longer matches nothing

_PIECE = re.compile(
    r"(?P<stars>[*]+)|\[(?P<set>!?(?:\][^\]/]*|[^\]/]+))\]|(?P<one>.)", re.DOTALL
)
_RANGE = re.compile(r"(.)-(.)|(.)", re.DOTALL)


class Glob:
    """All prefixes of the pattern that fit so far are the bits of one number."""

    def __init__(self, pattern: str) -> None:
        text = pattern if pattern.startswith(("/", "**")) else f"/{pattern}"
        self._singles: list[tuple[int, str, str]] = []  # bit, kind, characters
        self._stars = self._crossing = 0
        self._masks: dict[str, int] = {}
        count = self._read(text) if len(text) <= MAX_PATTERN else 0
        self._end = 1 << count if count else 0

    def matches(self, path: str) -> bool:
        states = self._skip(1)
        for character in path:
            stay = self._crossing if character == "/" else self._stars
            states = self._skip((states & stay) | (states & self._mask(character)) << 1)
            if not states:
                return False
        return bool(states & self._end)

    def _read(self, text: str) -> int:
        place = 0
        for match in _PIECE.finditer(text):
            bit = 1 << place
            if match["stars"]:
                self._stars |= bit
                self._crossing |= bit if len(match["stars"]) > 1 else 0
            elif match["set"]:
                self._singles.append((bit, "set", match["set"]))
            else:
                one = match["one"] or match[0]
                self._singles.append((bit, "any" if one == "?" else "is", one))
            place += 1
        return place

    def _skip(self, states: int) -> int:
        """Let a star stand for nothing; no two of them are neighbours."""
        return states | (states & self._stars) << 1

    def _mask(self, character: str) -> int:
        """Find the places of the pattern that this character fits."""
        if character not in self._masks:
            fits = (bit for bit, kind, text in self._singles if _is_fit(kind, text, character))
            self._masks[character] = sum(fits)
        return self._masks[character]


def _is_fit(kind: str, text: str, character: str) -> bool:
    if kind == "is":
        return text == character
    if character == "/" or kind == "any":
        return character != "/"
    is_not = text.startswith("!")
    return is_not != any(low <= character <= high for low, high in _ranges(text[is_not:]))


def _ranges(text: str) -> Iterator[tuple[str, str]]:
    for match in _RANGE.finditer(text):
        yield (match[1], match[2]) if match[1] else (match[3], match[3])
