"""clock: the wall clock as RTP counts it (RFC 3550 section 4)."""

import time

NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970


def ntp(now: float) -> int:
    """NTP time (32.32 bits) of ``now``, which is on the monotonic clock."""
    return int((time.time() + now - time.monotonic() + NTP_EPOCH) * (1 << 32))
