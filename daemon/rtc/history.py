"""History: packets that were sent, for NACK; and what one viewer may ask of it (RFC 4585).

One plain copy serves all viewers: a resend is encrypted again under the same index, which gives
the same bytes (RFC 3711 section 9.1 forbids other bytes under one index).
"""

from collections import OrderedDict, deque
from collections.abc import Sequence

from daemon.rtc.gop import Gop
from daemon.rtc.timeline import Plain

MAX_AGE = 2.0  # seconds
MAX_RESENDS = 3  # of one packet to one viewer; a fourth won't arrive either
MIN_INTERVAL = 0.02  # seconds between two resends of one packet, if the RTT is shorter
BUDGET_SHARE = 0.3  # resent bytes, as a share of the media sent in the last second
BUDGET_FLOOR = 20  # packets a second that are always allowed
REMEMBERED = 512  # packets whose resends one viewer's budget remembers


class History:
    """The last bursts of one track, which hold the packets by their index on the line."""

    def __init__(self, max_packets: int, gop: Gop | None = None) -> None:
        """``gop``: where a replay's packets are found, which may be older."""
        self._gop = gop
        self._max_packets = max_packets
        self._packets = 0
        self._bursts: deque[tuple[float, Sequence[Plain]]] = deque()
        self._second: deque[tuple[float, int]] = deque()
        self._second_bytes = 0

    def add(self, packets: Sequence[Plain], now: float) -> None:
        """Keep a burst, whose indices follow the last one's, and forget the old ones."""
        bursts = self._bursts
        size = sum([len(packet[3]) for packet in packets])
        bursts.append((now, packets))
        self._second.append((now, size))
        self._second_bytes += size
        self._packets += len(packets)
        self._forget_second(now)
        while len(bursts) > 1 and (
            self._packets > self._max_packets or now - bursts[0][0] > MAX_AGE
        ):
            self._packets -= len(bursts.popleft()[1])

    def get(self, index: int, now: float, *, in_replay: bool = False) -> Plain | None:
        """Find the packet of this index; None when it's unknown or too old."""
        found = self._find(index, now)
        if found is None and in_replay and self._gop is not None:
            found = self._gop.get(index)
        return found

    def _find(self, index: int, now: float) -> Plain | None:
        for added, packets in reversed(self._bursts):
            if packets[0][0] <= index:
                found = [packet for packet in packets if packet[0] == index]
                return found[0] if found and now - added <= MAX_AGE else None
        return None

    def bytes_in_last_second(self, now: float) -> int:
        """How much media this track had: what a viewer's resends are measured by.

        Counted here, once for all viewers, and not per viewer: that would cost every viewer's
        every burst more than its bookkeeping altogether.
        """
        self._forget_second(now)
        return self._second_bytes

    def _forget_second(self, now: float) -> None:
        second = self._second
        while second and now - second[0][0] > 1.0:
            self._second_bytes -= second.popleft()[1]


class Budget:
    """What one viewer may have resent: one NACK must not buy a flood."""

    def __init__(self) -> None:
        self._resends: OrderedDict[int, tuple[int, float]] = OrderedDict()
        self._spent: deque[tuple[float, int]] = deque()
        self._spent_bytes = 0

    def allows(self, index: int, size: int, media_bytes: int, rtt: float, now: float) -> bool:
        """Say whether a packet of ``size`` bytes may be resent now; if so, it is charged.

        ``index`` names it; ``media_bytes``: what the track had in the last second, which earns
        resends.
        """
        count, last = self._resends.get(index, (0, float("-inf")))
        if count >= MAX_RESENDS or now - last < max(MIN_INTERVAL, rtt):
            return False
        while self._spent and now - self._spent[0][0] > 1.0:
            self._spent_bytes -= self._spent.popleft()[1]
        over = self._spent_bytes + size > BUDGET_SHARE * media_bytes
        if over and len(self._spent) >= BUDGET_FLOOR:
            return False
        self._resends[index] = (count + 1, now)
        self._resends.move_to_end(index)
        if len(self._resends) > REMEMBERED:
            self._resends.popitem(last=False)
        self._spent.append((now, size))
        self._spent_bytes += size
        return True
