"""Lines out of a byte stream, in whatever pieces it comes; sans-IO."""

from collections.abc import Iterable

MAX_LINE_BYTES = 4096  # what is longer is cut; datarhei's reader stopped for good at 64 KiB


class LineSplitter:
    """Splits at CR and LF, leaves out empty lines, cuts long ones, never fails.

    Invalid UTF-8 becomes U+FFFD. How the bytes are divided makes no difference.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Take bytes; give the lines that are complete now."""
        first, *others = data.replace(b"\r", b"\n").split(b"\n")
        pieces = [self._rest + first, *others]
        self._rest = pieces.pop()[:MAX_LINE_BYTES]
        return _decode(pieces)

    def finish(self) -> list[str]:
        """Give the last line, if it had no end."""
        rest, self._rest = self._rest, b""
        return _decode([rest])


def _decode(pieces: Iterable[bytes]) -> list[str]:
    lines = (piece[:MAX_LINE_BYTES].decode("utf-8", "replace").rstrip() for piece in pieces)
    return [line for line in lines if line]
