"""KeyFrame: a video's last whole key frame, for a still picture."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class KeyFrame:
    """One coded picture; each is an object of its own."""

    codec: str
    nals: Sequence[bytes]
