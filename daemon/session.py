"""Sessions: who watches or publishes what, and how many bytes (datarhei-core.md a.4, f.3).

One Collector per kind of traffic (``hls``, ``hlsingress``, ``webrtc`` ..). Nothing here reads a
clock: ``now`` is in monotonic seconds, ``wall`` in Unix seconds.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from daemon.errors import OverloadError

MAX_ACTIVE = 10_000  # sessions of one collector
MAX_NAMES = 1000  # places and addresses in a summary; the rest are summed up as "other"
WINDOW_SECONDS = 10  # over which bandwidths are means
OTHER = "other"
NAMES = ("ffmpeg", "hls", "hlsingress", "http", "https", "rtmp", "srt")


class Networks:
    """Networks whose traffic isn't counted; ``host in networks`` for an address as text."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._networks = tuple(ip_network(text, strict=False) for text in texts)

    def __contains__(self, host: str) -> bool:
        """Whether an address lies in one of them; what is no address never does."""
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


class Rate:
    """Bytes a second, as the mean over the last ten seconds."""

    def __init__(self) -> None:
        self._seconds: deque[tuple[int, int]] = deque(maxlen=WINDOW_SECONDS + 1)

    def add(self, count: int, now: float) -> None:
        second = int(now)
        if self._seconds and self._seconds[-1][0] >= second:
            last, before = self._seconds.pop()
            self._seconds.append((last, before + count))
        else:
            self._seconds.append((second, count))

    def mean(self, now: float) -> float:
        oldest = int(now) - WINDOW_SECONDS
        return sum(count for second, count in self._seconds if second > oldest) / WINDOW_SECONDS


@dataclass(slots=True)
class Traffic:
    """Finished and running sessions of one place, address or reference."""

    sessions: int = 0
    rx_bytes: int = 0
    tx_bytes: int = 0


@dataclass(slots=True)
class Remote(Traffic):
    """The same of one remote address, with the places that it went to."""

    local: dict[str, Traffic] = field(default_factory=dict)


@dataclass(slots=True)
class Session:
    """One viewer or publisher. ``local`` is what, ``remote`` who, ``extra`` with which program.

    ``rx`` is what came in to us, ``tx`` what went out.
    """

    id: str
    reference: str
    local: str
    remote: str
    extra: str
    created_at: float
    seen_at: float
    rx_bytes: int = 0
    tx_bytes: int = 0
    rx_rate: Rate = field(default_factory=Rate)
    tx_rate: Rate = field(default_factory=Rate)


@dataclass(slots=True)
class Summary:
    """Everything since the start of the daemon."""

    total: Traffic = field(default_factory=Traffic)
    local: dict[str, Traffic] = field(default_factory=dict)
    remote: dict[str, Remote] = field(default_factory=dict)
    reference: dict[str, Traffic] = field(default_factory=dict)


class Collector:
    """Sessions of one kind. They end by ``close``, or after a time without any bytes.

    ``max_sessions`` and ``max_tx_bits`` (a second) bound who may come; 0 is no limit.
    """

    def __init__(
        self,
        name: str,
        *,
        timeout_seconds: float = 30.0,
        max_sessions: int = 0,
        max_tx_bits: float = 0.0,
    ) -> None:
        self.name = name
        self.timeout_seconds = timeout_seconds
        self.max_sessions = max_sessions
        self.max_tx_bits = max_tx_bits
        self.summary = Summary()
        self._active: dict[str, Session] = {}
        self._rx_rate = Rate()
        self._tx_rate = Rate()

    def open(
        self,
        session_id: str,
        *,
        reference: str,
        local: str,
        remote: str,
        extra: str = "",
        now: float,
        wall: float,
    ) -> None:
        """Begin a session, or see one again. Raises OverloadError beyond a limit."""
        if session_id in self._active:
            self._active[session_id].seen_at = now
            return
        self.expire(now)
        self._check_room(now)
        session = Session(session_id, reference, local, remote, extra, wall, now)
        self._active[session_id] = session
        for traffic in self._accounts(session):
            traffic.sessions += 1

    def count(self, session_id: str, now: float, *, rx: int = 0, tx: int = 0) -> bool:
        """Add bytes to a session; False if there is none such."""
        session = self._active.get(session_id)
        if session is None:
            return False
        session.seen_at = now
        session.rx_rate.add(rx, now)
        session.tx_rate.add(tx, now)
        self._rx_rate.add(rx, now)
        self._tx_rate.add(tx, now)
        session.rx_bytes += rx
        session.tx_bytes += tx
        for traffic in self._accounts(session):
            traffic.rx_bytes += rx
            traffic.tx_bytes += tx
        return True

    def close(self, session_id: str) -> None:
        """End a session; its bytes stay in the summary."""
        self._active.pop(session_id, None)

    def expire(self, now: float) -> None:
        """End what was not seen for too long."""
        over = [
            session.id
            for session in self._active.values()
            if now - session.seen_at >= self.timeout_seconds
        ]
        for session_id in over:
            del self._active[session_id]

    def active(self, now: float) -> list[Session]:
        """Give the sessions that go on, oldest first."""
        self.expire(now)
        return list(self._active.values())

    def bandwidth(self, now: float) -> tuple[float, float]:
        """Bytes a second, in and out."""
        return self._rx_rate.mean(now), self._tx_rate.mean(now)

    def _check_room(self, now: float) -> None:
        limit = min(self.max_sessions or MAX_ACTIVE, MAX_ACTIVE)
        is_full = len(self._active) >= limit
        is_busy = 0 < self.max_tx_bits <= self._tx_rate.mean(now) * 8
        if is_full or is_busy:
            why = "sessions" if is_full else "bandwidth"
            raise OverloadError(
                f"the limit of {why} is reached", retry_after=10, reason="session-limit"
            )

    def _accounts(self, session: Session) -> Iterable[Traffic]:
        summary = self.summary
        remote = summary.remote.setdefault(_room(summary.remote, session.remote), Remote())
        yield summary.total
        yield summary.local.setdefault(_room(summary.local, session.local), Traffic())
        yield remote
        yield remote.local.setdefault(_room(remote.local, session.local), Traffic())
        yield summary.reference.setdefault(
            _room(summary.reference, session.reference), Traffic()
        )


class Sessions:
    """All collectors, by name; ``collector`` makes those that others add."""

    def __init__(
        self, *, timeout_seconds: float = 30.0, max_sessions: int = 0, max_tx_bits: float = 0.0
    ) -> None:
        self._collectors: dict[str, Collector] = {}
        self.set_limits(timeout_seconds, max_sessions, max_tx_bits)
        for name in NAMES:
            self.collector(name)

    def collector(self, name: str) -> Collector:
        """Give a collector; it is made if it isn't there."""
        if name not in self._collectors:
            has_limits = name == "hls"
            self._collectors[name] = Collector(
                name,
                timeout_seconds=self._timeout_seconds,
                max_sessions=self._max_sessions if has_limits else 0,
                max_tx_bits=self._max_tx_bits if has_limits else 0.0,
            )
        return self._collectors[name]

    def find(self, name: str) -> Collector | None:
        return self._collectors.get(name)

    def names(self) -> list[str]:
        return sorted(self._collectors)

    def set_limits(self, timeout_seconds: float, max_sessions: int, max_tx_bits: float) -> None:
        """Take other limits for what comes from now on; those of numbers are for viewers."""
        self._timeout_seconds = timeout_seconds
        self._max_sessions, self._max_tx_bits = max_sessions, max_tx_bits
        for collector in self._collectors.values():
            collector.timeout_seconds = timeout_seconds
        if hls := self._collectors.get("hls"):
            hls.max_sessions, hls.max_tx_bits = max_sessions, max_tx_bits


def _room(names: dict[str, Remote] | dict[str, Traffic], name: str) -> str:
    """Anybody can make up names, so their number is bounded."""
    return name if name in names or len(names) < MAX_NAMES else OTHER
