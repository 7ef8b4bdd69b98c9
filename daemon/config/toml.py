"""TOML text: values, the line of each key, and edits that keep the user's comments."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

Path = tuple[str, ...]

_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'  # basic text over many lines
    r"|'''.*?'{3,5}"  # literal text over many lines
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[\]{}=\n]"
    r"|[^\s\"'\#\[\]{}=]+"
    r"|[ \t\r]+",
    re.DOTALL,
)


class TomlError(Exception):
    """Not TOML; ``line`` and ``column`` count from 1, 0 means unknown."""

    def __init__(self, why: str, line: int = 0, column: int = 0) -> None:
        super().__init__(why)
        self.why = why
        self.line = line
        self.column = column


def decode(data: bytes) -> str:
    """Turn a file into text. Raises TomlError for what isn't plain UTF-8."""
    if data.startswith(b"\xef\xbb\xbf"):
        raise TomlError("a byte order mark; save the file as UTF-8 without it", 1, 1)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].rpartition(b"\n")[2].decode("utf-8")
        line = data.count(b"\n", 0, error.start) + 1
        raise TomlError("not UTF-8", line, len(before) + 1) from None


def parse(text: str) -> dict[str, Any]:
    """Parse, as the start of the daemon will. Raises TomlError."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        why = _PLACE.sub("", str(error))
        why = why[:1].lower() + why[1:]
        if place and place[1]:
            raise TomlError(why, int(place[1]), int(place[2])) from None
        raise TomlError(why, text.count("\n") + 1) from None
    except (ValueError, RecursionError):  # a number of 5000 digits; [[[[[[...
        raise TomlError("a number too long, or nested too deeply") from None


def lines(text: str) -> dict[Path, int]:
    """Find the line of every table and key in valid TOML; tables in lists are numbered."""
    places: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    prefix: Path = ()
    for line, tokens in _statements(text):
        if tokens[0] != "[":
            key = _key("".join(tokens[: tokens.index("=")]))
            for end in range(1, len(key) + 1):
                places.setdefault(prefix + key[:end], line)
            continue
        is_list = tokens[1:2] == ["["]
        key = _key("".join(word for word in tokens if word not in "[]"))
        if is_list:
            plain = _numbered(key[:-1], counts) + key[-1:]
            counts[plain] = counts.get(plain, -1) + 1
        prefix = _numbered(key, counts)
        places.setdefault(prefix, line)
    return places


def _statements(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each header or pair: its first line, and its tokens without comments."""
    line, depth, start = 1, 0, 1
    tokens: list[str] = []
    for match in _TOKEN.finditer(text):
        word = match[0]
        if word == "\n" and depth == 0:
            if tokens:
                yield start, tokens
            tokens = []
        elif not word.isspace() and not word.startswith("#"):
            start = start if tokens else line
            tokens.append(word)
            depth += (word in "[{") - (word in "]}")
        line += word.count("\n")
    if tokens:
        yield start, tokens


def _key(text: str) -> Path:
    """Split a dotted key; TOML's own parser knows the quotes."""
    node: Any = tomllib.loads(f"{text} = 0")
    parts: list[str] = []
    while isinstance(node, dict):
        part, node = next(iter(node.items()))
        parts.append(part)
    return tuple(parts)


def _numbered(key: Path, counts: Mapping[Path, int]) -> Path:
    """Add the number of the last table wherever the key names a list of tables."""
    done: Path = ()
    for part in key:
        done += (part,)
        if done in counts:
            done += (str(counts[done]),)
    return done


def edit(text: str, changes: Mapping[Path, Any]) -> str:
    """Set some values; all else, comments too, stays as it was. Raises TomlError."""
    try:
        document = tomlkit.parse(text)
        for path, value in changes.items():
            table: Any = document
            for part in path[:-1]:
                if part not in table:
                    table[part] = tomlkit.table()
                table = table[part]
            table[path[-1]] = value
        return tomlkit.dumps(document)
    except TOMLKitError as error:
        raise TomlError(str(error)) from None
