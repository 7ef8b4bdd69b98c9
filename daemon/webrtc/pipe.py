"""PicturePipe: whole pictures of the video line, on their way into a second FFmpeg."""

import time
from asyncio import StreamWriter
from collections.abc import Sequence

from daemon.rtc import flv
from daemon.rtc.derived import DerivedLine
from daemon.rtc.packetizer import Picture

MAX_WAITING = 256 * 1024  # bytes; beyond, pictures are left out up to the next key frame
LONGEST = 1 << 30  # milliseconds, 12 days: FLV's clock is full at twice that


class PicturePipe:
    """Writes pictures as FLV, from a key frame on."""

    def __init__(self, writer: StreamWriter, line: DerivedLine) -> None:
        self.is_outdated = False  # what comes now needs an FFmpeg that begins anew
        self.fed_since: float | None = None
        self.last_offered = 0.0  # fed, or left out since the reader is too slow
        self.pictures = 0
        self.left_out = 0
        self._writer = writer
        self._line = line
        self._configuration = b""
        self._needs_key = True

    def feed(self, picture: Picture) -> None:
        """Write a picture, if it can be."""
        if self.fed_since is not None:
            self.last_offered = time.monotonic()
        is_key = picture.is_keyframe
        if self._needs_key and not is_key:
            self.left_out += self.fed_since is not None
            return
        if self.is_outdated or self._writer.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() > MAX_WAITING:
            self._needs_key = True
            self.left_out += 1
            return
        if is_key and not self._configure(picture.nals):
            return
        milliseconds = self._line.feed(picture.timestamp)
        self.is_outdated = milliseconds > LONGEST
        self._writer.write(flv.picture(picture.nals, milliseconds, is_key=is_key))
        self._needs_key = False
        self.pictures += 1
        self.fed_since = self.fed_since or time.monotonic()

    def _configure(self, nals: Sequence[bytes]) -> bool:
        """Write the parameter sets before the first key frame; False: they are other ones."""
        configuration = flv.configuration(nals)
        if not self._configuration and configuration:
            self._configuration = configuration
            self._writer.write(flv.HEADER + configuration)
        self.is_outdated = bool(configuration) and configuration != self._configuration
        return bool(self._configuration) and not self.is_outdated
