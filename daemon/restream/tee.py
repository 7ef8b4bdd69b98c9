"""The tee muxer's address: ``[f=hls:hls_time=2]a|[f=flv]b``; its options are options, too."""

from collections.abc import Iterator

from daemon.errors import InvalidError
from daemon.restream.filtergraph import take_token
from daemon.restream.grammar import Place, check_option

# The muxer's own; all else is for the output that follows
_OWN = frozenset({"bsfs", "onfail", "select", "use_fifo"})


def check_options(address: str, place: Place) -> None:
    """Raise InvalidError for an option of any output that isn't allowed."""
    for name, value in options(address):
        if name not in _OWN:
            check_option(name, value, place)


def options(address: str) -> Iterator[tuple[str, str]]:
    """Give the options of all outputs; names without stream specifiers."""
    end = 0
    while end < len(address):
        part, end = take_token(address, end, "|")
        end += 1
        text = part.lstrip()
        if text.startswith("["):
            yield from _options(text, 1)


def _options(text: str, place: int) -> Iterator[tuple[str, str]]:
    while True:
        equals = text.find("=", place)
        if equals < 0:
            raise InvalidError("the options of a tee can't be read")
        name = text[place:equals].strip()
        value, place = take_token(text, equals + 1, ":]")
        yield name.partition("/")[0].partition(":")[0], value
        if text[place : place + 1] != ":":
            return
        place += 1
