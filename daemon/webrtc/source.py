"""Source: one process's media: its legs, the line they are put on, and bursts for the fan-out.

It outlives every FFmpeg of its process: sockets, line and viewers stay, only the run changes.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Sequence

from daemon.log import redact
from daemon.restream.config import ConfigWebRTC, ProcessId
from daemon.rtc import h264
from daemon.rtc.codecs import SourceTrack
from daemon.rtc.fanout import Burst, Delivery
from daemon.rtc.gop import Start
from daemon.rtc.history import History
from daemon.rtc.packetizer import Picture, Pictures
from daemon.rtc.peer import Peer
from daemon.rtc.timeline import CLOCK_RATES, Plain, Timeline, Verdict
from daemon.webrtc import clock, ffmpeg_args
from daemon.webrtc.ffmpeg_args import LegAddress
from daemon.webrtc.keyframe import KeyFrame
from daemon.webrtc.leg import Leg
from daemon.webrtc.outlet import Abandon, Outlet
from daemon.webrtc.plan import Plan
from daemon.webrtc.transcoder import LINE as VP8
from daemon.webrtc.transcoder import Transcoder

log = logging.getLogger(__name__)

HISTORY_PACKETS = {"video": 1024, VP8: 1024, "audio": 128}
SOME_BACKWARDS = 50  # packets; a few come with a run's beginning
SILENCE = 5.0  # seconds without RTP while FFmpeg runs: something is wrong
KINDS = ("video", "audio")


class Source:
    """The media of one process; ``transmit`` and ``on_begin`` are as ``Outlet`` has them."""

    def __init__(
        self,
        process_id: ProcessId,
        config: ConfigWebRTC,
        transmit: Callable[[Delivery, Abandon], None],
        on_begin: Callable[[Peer], None],
    ) -> None:
        self.process_id = process_id
        self.config = config
        self.plan: Plan | None = None
        self.problem = ""  # why there are no legs; "" when there are
        self.is_running = False
        self.tracks: tuple[SourceTrack, ...] = ()
        self.outlets = {kind: Outlet(kind, transmit, on_begin) for kind in (*KINDS, VP8)}
        self.histories = {
            kind: History(HISTORY_PACKETS[kind], outlet.gop)
            for kind, outlet in self.outlets.items()
        }
        self.keyframe: KeyFrame | None = None  # the last one that came whole
        self.transcoder: Transcoder | None = None  # for viewers without H.264
        self.verdicts = dict.fromkeys(Verdict, 0)
        self.legs = {
            "video": Leg("video", config.video_pt, most=ffmpeg_args.PICTURE_SIZE),
            "audio": Leg("audio", config.audio_pt),
        }
        self._timeline = Timeline(
            KINDS, origin=1.0 + secrets.randbelow(1 << 20) / 1024, first_index=1
        )
        self._pictures = Pictures(first_index=1)
        self._run_began: float | None = None
        self._backwards = 0  # before this run
        self._has_warned = False
        self._loop = asyncio.get_running_loop()
        self.configure(config)
        for leg in self.legs.values():
            self._loop.add_reader(leg.socket, self._on_readable, leg)

    # -- the run's life

    def configure(self, config: ConfigWebRTC) -> None:
        """Take new payload types; they count from the next run on."""
        self.config = config
        for kind in ("video", VP8):
            self.outlets[kind].gop.mode = Start(config.instant_start)
        self.legs["video"].payload_type = config.video_pt
        self.legs["audio"].payload_type = config.audio_pt

    def begin_run(self, plan: Plan) -> dict[str, LegAddress]:
        """Prepare for a new FFmpeg with these legs."""
        self._pictures.forget()
        self.plan = plan
        self.problem = ""
        self.tracks = tuple(
            SourceTrack(
                kind=track.kind,
                codec="H264" if track.kind == "video" else "opus",
                profile_level_id=track.profile_level_id,
                channels=2,
            )
            for track in plan.active
        )
        self._timeline.begin_run()
        self._backwards = self.verdicts[Verdict.BACKWARDS]
        return {kind: self.legs[kind].begin_run() for kind in plan.kinds}

    def begin_run_without_legs(self, problem: str, plan: Plan | None = None) -> None:
        """Prepare for a new FFmpeg that can't feed us; ``problem`` is a sentence."""
        self._pictures.forget()
        self.plan = plan
        self.tracks = ()
        self.problem = redact(problem)  # viewers read it, and FFmpeg quotes whole addresses

    def note_running(self) -> None:
        """Exec succeeded."""
        self.is_running = True
        self._run_began = time.monotonic()
        self._has_warned = False

    def end_run(self) -> None:
        """FFmpeg is gone; viewers stay."""
        self.is_running = False
        self._run_began = None

    def close(self) -> None:
        """Give everything back."""
        for outlet in self.outlets.values():
            outlet.close()
        for leg in self.legs.values():
            self._loop.remove_reader(leg.socket)
            leg.close()
        if self.transcoder is not None:
            self.transcoder.close()

    # -- viewers

    def join(self, peer: Peer) -> None:
        """Send this source's media to a peer that has connected."""
        for kind, track in peer.tracks.items():
            self.outlets[kind].join(track, peer)

    def want_keyframe(self, peer: Peer, kind: str) -> None:
        """Help a peer that has lost the picture."""
        self.outlets[kind].want_keyframe(peer.tracks[kind])

    def leave(self, peer: Peer) -> None:
        """Send nothing more to a peer; a second time is harmless."""
        for kind, track in peer.tracks.items():
            self.outlets[kind].leave(track)

    # -- what others ask

    @property
    def video_codec(self) -> str:
        """The video's codec as SDP names it; "" without video."""
        return next((track.codec for track in self.tracks if track.kind == "video"), "")

    @property
    def has_media(self) -> bool:
        """Whether this run's media flows."""
        return self.is_running and any(leg.last_packet for leg in self.legs.values())

    @property
    def has_b_frames(self) -> bool:
        """Whether pictures of this run had to be left out that would have gone back in time."""
        return self.verdicts[Verdict.BACKWARDS] - self._backwards > SOME_BACKWARDS

    def silent_legs(self, now: float) -> tuple[str, ...]:
        """Tracks of the plan without RTP for some seconds though FFmpeg runs."""
        if not self.is_running or self._run_began is None or self.plan is None or self.problem:
            return ()
        began = self._run_began
        return tuple(
            kind
            for kind in self.plan.kinds
            if now - (self.legs[kind].last_packet or began) > SILENCE
        )

    def warn_of_silence(self, now: float) -> None:
        """Say once per run that FFmpeg runs and a leg is silent."""
        silent = self.silent_legs(now)
        if silent and not self._has_warned:
            self._has_warned = True
            log.warning(
                "process %s: no RTP from FFmpeg: %s", self.process_id, ", ".join(silent)
            )

    def clock(self, kind: str, now: float) -> int | None:
        """Give the line's timestamp of ``kind`` that belongs to ``now``; None before media."""
        return self._timeline.timestamp_at("video" if kind == VP8 else kind, now)

    # -- media

    def _on_readable(self, leg: Leg) -> None:
        now = time.monotonic()
        packets, reports = leg.receive(now)
        for report in reports:
            self._timeline.receive_report(leg.kind, report)
        audio: list[Plain] = []
        for packet in packets:
            verdict, plain = self._timeline.receive(leg.kind, packet, now)
            self.verdicts[verdict] += 1
            if plain is None:
                continue
            if leg.kind == "audio":
                audio.append(plain)
                continue
            for picture in self._pictures.feed(plain):
                self._send_picture(picture, now)
        if audio:
            self.send("audio", audio, is_keyframe=True, now=now)

    def _send_picture(self, picture: Picture, now: float) -> None:
        if picture.is_keyframe:
            self._learn_profile(picture.nals)
            if picture.is_whole:
                self.keyframe = KeyFrame(self.video_codec, picture.nals)
        if self.transcoder is not None:
            self.transcoder.feed(picture)
        self.send("video", picture.packets, is_keyframe=picture.is_keyframe, now=now)

    def send(
        self, kind: str, packets: Sequence[Plain], *, is_keyframe: bool, now: float
    ) -> None:
        """Send packets that belong together, and came ``now``, to those who get this line."""
        self.histories[kind].add(packets, now)
        outlet, taken = self.outlets[kind], packets[0][1]
        extensions = outlet.describe(now, lambda: self._captured(kind, taken, now))
        outlet.send(Burst(kind, packets, is_keyframe, now, extensions))

    def _captured(self, kind: str, timestamp: int, now: float) -> int | None:
        """NTP time (32.32 bits) that belongs to a timestamp of the line."""
        present = self.clock(kind, now)
        if present is None:
            return None
        rate = CLOCK_RATES["audio" if kind == "audio" else "video"]
        return clock.ntp(now - (present - timestamp) / rate)

    def _learn_profile(self, nals: Sequence[bytes]) -> None:
        """Answer later viewers with the profile that the stream really has."""
        sps = h264.find_sps(nals)
        if sps is None:
            return
        self.tracks = tuple(
            track
            if track.kind != "video" or track.profile_level_id == sps.profile_level_id
            else SourceTrack(track.kind, track.codec, sps.profile_level_id, track.channels)
            for track in self.tracks
        )
