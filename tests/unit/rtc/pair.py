"""Pair: a peer and its viewer with a wire between them that can be cut or listened to."""

from collections.abc import Callable

from daemon.rtc.codecs import NegotiatedTrack
from daemon.rtc.dtls import Certificate
from daemon.rtc.fanout import Burst, Fanout
from daemon.rtc.history import History
from daemon.rtc.ice import Credentials
from daemon.rtc.peer import Event, Peer, Setup, State, TrackSetup
from tests.fakes.delivery import datagrams
from tests.fakes.viewer import IDENTITY, Answer, Identity, Viewer

HOME = ("192.0.2.1", 40_000)
ROAMED = ("198.51.100.2", 50_000)
LOCAL = Credentials("serv", "s" * 24)
CERTIFICATE = Certificate.generate()
VIDEO = NegotiatedTrack("video", "0", 102, 90_000, "H264", "", ("nack", "nack pli"))
KEYFRAME = b"\x65" + bytes(999)


def digest(identity: Identity) -> bytes:
    return bytes.fromhex(identity.fingerprint.split(" ")[1].replace(":", ""))


def setup(viewer: Viewer, media: NegotiatedTrack = VIDEO) -> Setup:
    return Setup(
        local=LOCAL,
        remote=Credentials(viewer.ufrag, viewer.pwd),
        certificate=CERTIFICATE,
        fingerprints=[("sha-256", digest(IDENTITY))],
        tracks=[
            TrackSetup(
                media,
                ssrc=7,
                first_sequence=100,
                timestamp_offset=0,
                rtx_ssrc=70,
                first_rtx_sequence=900,
            )
        ],
        histories={"video": History(100)},
        ntp=lambda now: int((4e9 + now) * 2**32),
        clock=lambda _kind, now: int(now * 90_000),
        cname="test",
        tie_breaker=1,
        transaction_seed=b"seed",
    )


class Pair:
    """A peer and its viewer, with a wire between them that can be cut or listened to."""

    def __init__(self, viewer: Viewer | None = None, media: NegotiatedTrack = VIDEO) -> None:
        self.viewer = viewer or Viewer(kinds=("video",))
        self.setup = setup(self.viewer, media)
        self.peer = Peer(self.setup, 0.0)
        self.viewer._answer = Answer(LOCAL.ufrag, LOCAL.pwd, [])
        self.fanout = Fanout()
        self.now = 0.0
        self.events: list[Event] = []
        self.sent: list[tuple[bytes, tuple[str, int]]] = []
        self.home = HOME
        self.wire: Callable[[bytes], bool] = lambda _: True

    def give(self, data: bytes, address: tuple[str, int] | None = None) -> None:
        self.peer.receive_datagram(data, address or self.home, self.now)
        self.settle()

    def settle(self) -> None:
        """Pass datagrams to and fro until both are silent."""
        for _ in range(200):
            while (event := self.peer.poll_event()) is not None:
                self.events.append(event)
            transmit = self.peer.poll_transmit()
            if transmit is not None:
                self.sent.append(transmit)
                if transmit[1] == self.home and self.wire(transmit[0]):
                    self.viewer.receive(transmit[0])
                continue
            data = self.viewer.poll_transmit()
            if data is None:
                return
            self.peer.receive_datagram(data, self.home, self.now)
        raise AssertionError("they never stop talking")

    def advance(self, now: float) -> None:
        self.now = now
        self.peer.handle_timeout(now)
        self.settle()

    def connect(self) -> "Pair":
        self.give(self.viewer.check())
        self.viewer.start_dtls()
        self.settle()
        assert self.peer.state is State.CONNECTED
        return self

    def send(self, first: int, count: int, *, is_keyframe: bool) -> None:
        packets = [
            (first + place, 3000, 128 * (place == count - 1), KEYFRAME)
            for place in range(count)
        ]
        self.setup.histories["video"].add(packets, self.now)
        burst = Burst("video", packets, is_keyframe, self.now)
        for track in self.peer.tracks.values():
            if not track.is_open and not track.has_started:
                self.fanout.wait(track)
        delivery, _ = self.fanout.begin(burst)
        for _, data in datagrams(delivery):
            if self.wire(data):
                self.viewer.receive(data)
