"""Header extensions that we send (RFC 8285, one-byte form), and what they say.

``playout-delay``: how long the player may hold a frame back; none while it catches up.
``abs-capture-time``: when a frame was taken, so that a player can tell how old it is.
"""

import struct
from collections.abc import Mapping

PLAYOUT_DELAY = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
CAPTURE_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
KNOWN = (PLAYOUT_DELAY, CAPTURE_TIME)
NO_DELAY = (0.0, 0.0)
ANY_DELAY = (0.0, 10.0)  # what players do without the extension

_PROFILE = 0xBEDE
_DELAY_UNIT = 0.01  # seconds; 12 bits for each bound


def shape(ids: Mapping[str, int]) -> int:
    """Pack the ids that a viewer gave to our extensions (1 to 14, 0: none) into one byte."""
    return ids.get(PLAYOUT_DELAY, 0) << 4 | ids.get(CAPTURE_TIME, 0)


def build_delay(shape: int, bounds: tuple[float, float]) -> bytes:
    """Build the block that bounds the player's delay, in seconds; empty if not negotiated."""
    low, high = (round(bound / _DELAY_UNIT) for bound in bounds)
    return _block(shape >> 4, (low << 12 | high).to_bytes(3))


def build_capture(shape: int, ntp: int) -> bytes:
    """Build the block with a frame's NTP time (32.32 bits); empty if not negotiated."""
    return _block(shape & 15, struct.pack("!Q", ntp))


def _block(number: int, content: bytes) -> bytes:
    if number == 0:
        return b""
    element = bytes([number << 4 | len(content) - 1]) + content
    element += bytes(-len(element) % 4)
    return struct.pack("!HH", _PROFILE, len(element) // 4) + element
