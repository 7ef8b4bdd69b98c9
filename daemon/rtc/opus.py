"""Opus: how long a packet is, and timestamps that count samples (RFC 6716, RFC 7587).

FFmpeg's timestamps come from the container and jitter with it, or drift against the samples.
Players want each packet to begin where the last one ended: every deviation is an audible patch.
"""

CLOCK_RATE = 48_000  # whatever was recorded (RFC 7587 section 4.1)
DEFAULT_SAMPLES = 960  # 20 ms, for a packet that doesn't tell
MAX_SAMPLES = 5760  # 120 ms, the longest packet (RFC 6716 section 3.2.5)
GAP = CLOCK_RATE // 5  # farther off, it's no jitter: a pause of the source, such as DTX
TOLERANCE = 0.015 * CLOCK_RATE  # what the mean may be off; lip-sync has 40 ms in all
SETTLING = 5 * CLOCK_RATE  # samples until the mean has followed; jitter evens out within

_SILK = (480, 960, 1920, 2880)
_HYBRID = (480, 960)
_CELT = (120, 240, 480, 960)


def duration(payload: bytes) -> int | None:
    """Give a packet's samples at 48 kHz; None if it doesn't tell (RFC 6716 section 3.1)."""
    if not payload:
        return None
    config, code = payload[0] >> 3, payload[0] & 3
    if config < 12:
        frame = _SILK[config & 3]
    elif config < 16:
        frame = _HYBRID[config & 1]
    else:
        frame = _CELT[config & 3]
    if code < 3:
        return frame * (1 if code == 0 else 2)
    count = payload[1] & 0x3F if len(payload) > 1 else 0
    return frame * count if 0 < frame * count <= MAX_SAMPLES else None


class SampleClock:
    """Timestamps of one run's packets: those of the source, evened out. They only rise.

    The mean deviation from the source is watched. Beyond the tolerance one patch mends it: a
    hole as long as the deviation, or a packet left out. So sound stays with the picture however
    long it runs, and a player hears of a drift of 100 ppm every few minutes.
    """

    def __init__(self, timestamp: int) -> None:
        """``timestamp`` is where the first packet begins."""
        self.resyncs = 0
        self._next = timestamp
        self._last = DEFAULT_SAMPLES
        self._bias = 0  # of the source against us, after it went back
        self._mean = 0.0

    @property
    def end(self) -> int:
        """Where the next packet begins if nothing is amiss."""
        return self._next

    def stamp(self, source: int, payload: bytes, *, lost: int = 0) -> int | None:
        """Give a packet its timestamp, ``source`` being the source's; None: leave it out.

        ``lost`` packets before it never came; they are taken for as long as the last one.
        """
        samples = duration(payload) or self._last
        expected = self._next + lost * self._last
        error = source + self._bias - expected
        if abs(error) > GAP:
            self.resyncs += 1
            self._mean = 0.0
            if error > 0:
                expected += error
            else:
                self._bias -= error  # never back in time: what's behind is the new zero
        else:
            self._mean += (error - self._mean) * samples / SETTLING
            if self._mean < -TOLERANCE:
                self._mean += samples
                return None
            if self._mean > TOLERANCE:
                expected += round(self._mean)
                self._mean = 0.0
        self._last = samples
        self._next = expected + samples
        return expected
