"""Outlet: one track of one source on its way to its viewers: live, paced, and catching up.

A large frame leaves in portions over half a frame's time, so that it doesn't overflow a queue
on the way. Who joins, or lost the picture, gets the current group of pictures first.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from daemon.rtc import extension, native
from daemon.rtc.fanout import Burst, Delivery, Fanout, Group, deliver
from daemon.rtc.gop import Gop, Start
from daemon.rtc.peer import Peer
from daemon.rtc.replay import Replay
from daemon.rtc.timeline import CLOCK_RATES
from daemon.rtc.track import OutgoingTrack

PORTION = 24  # packets that leave at once: about what a queue on the way can take
MAX_PACING = 0.02  # seconds for a frame, whatever its rate
REPLAY_INTERVAL = 0.5  # seconds between two replays for one viewer
DESCRIBE_INTERVAL = 1.0  # seconds between two bursts with header extensions
SOON = 0.25  # seconds: a key frame that comes so soon is waited for

Abandon = Callable[[Delivery, native.Spool | None], None]


class Outlet:
    """One track's viewers. ``transmit`` takes what is to be sent, in order.

    ``on_begin`` hears of each peer whose media begins, or begins anew.
    """

    def __init__(
        self,
        kind: str,
        transmit: Callable[[Delivery, Abandon], None],
        on_begin: Callable[[Peer], None],
    ) -> None:
        self.kind = kind
        self.gop = Gop(Start.OFF if kind == "audio" else Start.GOP)
        self.peers: dict[OutgoingTrack, Peer] = {}
        self._fanout = Fanout()
        self._transmit = transmit
        self._on_begin = on_begin
        self._replays: dict[OutgoingTrack, Replay] = {}
        self._asking: dict[OutgoingTrack, None] = {}  # for a replay, at the end of the frame
        self._portions: deque[Burst] = deque()
        self._pace_until = 0.0
        self._described = float("-inf")
        self._tells_capture = False
        self._pace_timer: asyncio.TimerHandle | None = None
        self._replay_timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Stop the timers."""
        for timer in (self._pace_timer, self._replay_timer):
            if timer is not None:
                timer.cancel()

    # -- viewers

    def join(self, track: OutgoingTrack, peer: Peer) -> None:
        """Take a viewer in."""
        self.peers[track] = peer
        self._fanout.wait(track)
        if self.kind != "audio":
            self._ask(track)

    def leave(self, track: OutgoingTrack) -> None:
        """Forget a viewer; a second time is harmless."""
        self.peers.pop(track, None)
        self._asking.pop(track, None)
        self._replays.pop(track, None)
        self._fanout.take(track)
        track.close()

    def want_keyframe(self, track: OutgoingTrack) -> None:
        """Answer a viewer's PLI or FIR from the cache, if that is quicker than waiting.

        A group with a hole would only bring all viewers to the hole again, and all of them ask.
        """
        if track not in self.peers or track in self._replays or self.gop.has_hole:
            return
        soon = self.gop.seconds_to_next(self._fanout.line.last_timestamp)
        is_soon = soon is not None and 0 <= soon < SOON
        if time.monotonic() - track.replayed_at >= REPLAY_INTERVAL and not is_soon:
            self._ask(track)

    # -- live

    def describe(self, now: float, captured: Callable[[], int | None]) -> dict[int, bytes]:
        """Give the header extensions of the next burst, by shape; most bursts have none.

        Each second in turn: when the frame was taken, and that players may delay as they like
        again, after a replay told them not to. ``captured`` gives the frame's NTP time.
        """
        if now < self._described + DESCRIBE_INTERVAL:
            return {}  # before any look at the viewers: this is asked for each burst
        self._described = now
        shapes = {track.extension for track in self.peers} - {0}
        if not shapes:
            return {}
        self._tells_capture = not self._tells_capture
        ntp = captured()
        if self._tells_capture and ntp is not None:
            return {shape: extension.build_capture(shape, ntp) for shape in shapes}
        return {shape: extension.build_delay(shape, extension.ANY_DELAY) for shape in shapes}

    def send(self, burst: Burst) -> None:
        """Send a burst that follows the last one on the line."""
        if self._portions and burst.packets[0][1] != self._portions[-1].packets[0][1]:
            self._flush()  # the next frame is here already
        if self.kind != "audio":
            self.gop.add(burst.packets, is_keyframe=burst.is_keyframe)
        self._portions.extend(_cut(burst))
        if self._pace_timer is None:
            frame = self.gop.frame_ticks / CLOCK_RATES["video"]
            self._pace_until = burst.arrived + min(frame / 2, MAX_PACING)
            self._step()

    def _step(self) -> None:
        self._pace_timer = None
        self._send_portion()
        if self._portions:
            left = max(self._pace_until - time.monotonic(), 0.0)
            gap = left / (len(self._portions) + 1)
            self._pace_timer = self._loop.call_later(gap, self._step)

    def _flush(self) -> None:
        if self._pace_timer is not None:
            self._pace_timer.cancel()
            self._pace_timer = None
        while self._portions:
            self._send_portion()

    def _send_portion(self) -> None:
        burst = self._portions.popleft()
        delivery, opened = self._fanout.begin(burst)
        if delivery is not None:
            self._transmit(delivery, self._fanout.abandon)
        if burst.is_keyframe:
            self._asking.clear()  # this is what they ask for
        for track in opened:
            self._begin(track)
        if self._asking and not self._portions and self.gop.is_whole:
            for track in self._asking:
                self._replay(track)
            self._asking.clear()

    def _begin(self, track: OutgoingTrack) -> None:
        peer = self.peers[track]
        if peer.needs_first_report(self.kind):
            self._on_begin(peer)

    # -- catching up

    def _ask(self, track: OutgoingTrack) -> None:
        if self._portions or not self.gop.is_whole:
            self._asking[track] = None  # in the middle of a frame: at its end
        else:
            self._replay(track)

    def _replay(self, track: OutgoingTrack) -> None:
        """Begin with the key frame in the cache, which ends where the line ends."""
        now = time.monotonic()
        if track.has_started:
            track.answered_plis += 1
        self._fanout.take(track)
        track.replayed_at = now
        self._replays[track] = Replay(track, self.gop, now)
        self._work()

    def _work(self) -> None:
        """Send what is due of every replay."""
        if self._replay_timer is not None:
            self._replay_timer.cancel()
            self._replay_timer = None
        now = time.monotonic()
        for track, replay in list(self._replays.items()):
            if now >= replay.due:
                self._advance(track, replay, now)
        if self._replays:
            due = min(replay.due for replay in self._replays.values())
            self._replay_timer = self._loop.call_at(due, self._work)

    def _advance(self, track: OutgoingTrack, replay: Replay, now: float) -> None:
        is_first = track.packets == 0
        packets = replay.poll(now, self._fanout.line.last_index)
        if packets:
            block = extension.build_delay(track.extension, extension.NO_DELAY)
            burst = Burst(self.kind, packets, is_first, now, {track.extension: block})
            self._transmit(deliver(burst, Group([track]), 0), self._abandon_replay)
            if is_first:
                self._begin(track)
            return
        del self._replays[track]
        if replay.ends_live and track.line.last_index == self._fanout.line.last_index:
            self._fanout.go_live(track)
        else:
            track.close()
            self._fanout.wait(track)

    def _abandon_replay(self, delivery: Delivery, spool: native.Spool | None) -> None:
        """Let a viewer that even a replay didn't reach wait for the next key frame."""
        before = delivery.burst.packets[0][0] - 1
        for track in delivery.unreached(spool):
            self._replays.pop(track, None)
            self._fanout.take(track)
            track.close(before)
            track.dropped_frames += 1
            self._fanout.wait(track)


def _cut(burst: Burst) -> list[Burst]:
    """Cut a burst into portions; only the first one is a place to begin."""
    if len(burst.packets) <= PORTION:
        return [burst]
    return [
        burst._replace(
            packets=burst.packets[place : place + PORTION],
            is_keyframe=burst.is_keyframe and place == 0,
        )
        for place in range(0, len(burst.packets), PORTION)
    ]
