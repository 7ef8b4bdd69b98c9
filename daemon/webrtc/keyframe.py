"""KeyFrames: a video leg's last whole key frame, for a still picture."""

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.rtc.timeline import Plain

MAX_BYTES = 4 << 20  # of one picture; a larger one is not kept


@dataclass(frozen=True, slots=True, eq=False)
class KeyFrame:
    """One coded picture as RTP payloads; each is an object of its own."""

    codec: str
    payloads: tuple[bytes, ...]


class KeyFrames:
    """Keeps the last key frame that came whole."""

    def __init__(self) -> None:
        self.latest: KeyFrame | None = None
        self._parts: list[bytes] = []
        self._timestamp: int | None = None  # of the picture that is being collected
        self._next_index = 0
        self._bytes = 0

    def add(self, packets: Sequence[Plain], codec: str, *, is_keyframe: bool) -> None:
        """Take a burst of the line, in order; all but key frames cost one comparison."""
        if is_keyframe:
            self._parts, self._bytes = [], 0
            self._next_index, self._timestamp = packets[0][:2]
        elif self._timestamp is None:
            return
        for index, timestamp, _, payload in packets:
            self._bytes += len(payload)
            is_next = index == self._next_index and timestamp == self._timestamp
            if not is_next or self._bytes > MAX_BYTES:
                self._timestamp = None  # a part is missing, or it is too large
                return
            self._parts.append(payload)
            self._next_index += 1
        if packets[-1][2]:  # the marker bit ends a picture
            self.latest = KeyFrame(codec, tuple(self._parts))
            self._timestamp = None
