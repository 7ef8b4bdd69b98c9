"""Watch: viewers who only wait wake nobody up; whoever joins, and media, ends the rest."""

import asyncio
import socket
import time

import pytest

from daemon.rtc.fanout import Burst, Fanout
from daemon.rtc.peer import Peer, State
from daemon.webrtc.mux import Job, Mux
from daemon.webrtc.watch import Watch
from tests.e2e.waiting import until
from tests.fakes.player import Player
from tests.unit.rtc import pair

NEVER = 1e9  # seconds on the loop's clock: the end of a rest that no test sees
HOST = "127.0.0.1"


async def turns(count: int = 20) -> None:
    """Let the loop look at its sockets so often."""
    for _ in range(count):
        await asyncio.sleep(0)


class Reader:
    """One socket, and what was read from it."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.socket.setblocking(False)
        self.read: list[bytes] = []
        self.watch = Watch(lambda sock: self.read.append(sock.recv(2048)))
        self.watch.add(self.socket)

    def send(self) -> None:
        """Send one datagram to it."""
        self.socket.sendto(b"datagram", self.socket.getsockname())

    def close(self) -> None:
        self.watch.remove(self.socket)
        self.socket.close()


async def test_what_comes_in_a_rest_waits_for_its_end() -> None:
    reader = Reader()
    reader.watch.rest(reader.socket, NEVER)
    reader.send()
    await turns()
    assert not reader.read
    reader.watch.wake()
    await until(lambda: len(reader.read) == 1, "it is read")
    reader.watch.rest(reader.socket, asyncio.get_running_loop().time() + 0.01)
    reader.send()
    await until(lambda: len(reader.read) == 2, "the rest ends by itself")
    reader.send()
    await until(lambda: len(reader.read) == 3, "and nothing waits after it")
    reader.close()


async def test_removed_in_a_rest_it_stays_removed() -> None:
    reader = Reader()
    loop = asyncio.get_running_loop()
    later = loop.create_future()
    reader.watch.rest(reader.socket, loop.time() + 0.01)
    reader.send()
    reader.watch.remove(reader.socket)
    loop.call_later(0.02, later.set_result, None)  # timers fire in the order of their times
    await later
    await turns()
    assert not reader.read
    reader.socket.close()


async def test_joining_and_media_end_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.webrtc.mux.TOGETHER", NEVER)
    mux = Mux(lambda _peer, _event: None)
    port = mux.bind(HOST, 0)
    async with Player() as player:
        player.socket.sendto(bytes(20), (HOST, port))
        await until(lambda: mux.counters, "a stranger was heard, then nobody looks")
        peer = Peer(pair.setup(player.viewer), time.monotonic())
        mux.add(pair.LOCAL.ufrag, peer)
        candidate = f"a=candidate:1 1 udp 1 {HOST} {port} typ host"
        login = f"a=ice-ufrag:{pair.LOCAL.ufrag}\r\na=ice-pwd:{pair.LOCAL.pwd}"
        player.play(f"{login}\r\na=setup:passive\r\n{candidate}")
        await until(lambda: peer.state is State.CONNECTED, "who joins is heard at once")
        await player.until(lambda: player.viewer.is_connected)
        assert peer.feedback is not None
        feedback, ssrc = peer.feedback, next(iter(peer.tracks.values())).ssrc
        await turns()
        player.send(player.viewer.pli(ssrc))
        await turns()
        assert feedback.plis == 0, "who only waits is not"
        fanout = Fanout()
        for track in peer.tracks.values():
            fanout.wait(track)
        burst = Burst("video", [(1, 0, 0, pair.KEYFRAME)], True, time.monotonic())
        delivery, _ = fanout.begin(burst)
        assert delivery is not None
        mux.fan_out(Job(delivery, fanout.abandon))
        await player.until(lambda: player.viewer.packets)
        await until(lambda: feedback.plis == 1, "while media flows all are heard")
        player.send(player.viewer.pli(ssrc))
        await until(lambda: feedback.plis == 2, "again and again")
    mux.close()
