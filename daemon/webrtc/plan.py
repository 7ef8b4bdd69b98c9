"""Plan: what each track does on its way to WebRTC: copy, encode or none; and why."""

from dataclasses import dataclass
from enum import StrEnum

from daemon.ffmpeg.probe import Probe, ProbeStream
from daemon.restream.config import ConfigWebRTC

LONG_GOP = 4.0  # seconds; a viewer who joins waits up to this long for a picture
PROFILES = {  # FFmpeg's names, as the browsers' decoders take them (RFC 6184 section 8.1)
    "Constrained Baseline": "42e01f",
    "Baseline": "42001f",
    "Main": "4d001f",
    "High": "64001f",
    "Constrained High": "640c1f",
}
PIXEL_FORMATS = ("", "yuv420p", "yuvj420p")  # "": FFmpeg did not say
ENCODED_PROFILE = PROFILES["Constrained Baseline"]


class Action(StrEnum):
    """What happens to a track."""

    COPY = "copy"
    ENCODE = "encode"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why; ``code`` is stable, ``text`` is for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class TrackPlan:
    """One track. ``stream_map`` is what FFmpeg's ``-map`` takes; "" without a stream."""

    kind: str
    action: Action
    reasons: tuple[Reason, ...]
    stream_map: str = ""
    codec: str = ""
    profile_level_id: str | None = None
    width: int = 0
    height: int = 0
    fps: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Both tracks of one process, video first."""

    tracks: tuple[TrackPlan, ...]

    @property
    def active(self) -> tuple[TrackPlan, ...]:
        """The tracks that viewers get."""
        return tuple(track for track in self.tracks if track.action is not Action.NONE)

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(track.kind for track in self.active)


def make_plan(probe: Probe, config: ConfigWebRTC, *, is_loop_broken: bool = False) -> Plan:
    """Decide for the first video and the first audio stream of all inputs.

    ``is_loop_broken``: the input is a file that FFmpeg repeats, and this FFmpeg ends a copy
    with a bitstream filter when the file begins anew.
    """
    video = _plan_video(
        _first(probe, "video"), force=config.force_transcode, is_loop_broken=is_loop_broken
    )
    return Plan(
        (
            video,
            _plan_audio(_first(probe, "audio"), force=config.force_transcode),
        )
    )


def _first(probe: Probe, kind: str) -> ProbeStream | None:
    return next((stream for stream in probe.streams if stream.type == kind), None)


def _plan_video(stream: ProbeStream | None, *, force: bool, is_loop_broken: bool) -> TrackPlan:
    if stream is None:
        return TrackPlan("video", Action.NONE, (Reason("no-video", "the input has no video"),))
    hurdles = _video_hurdles(stream, force=force)
    if is_loop_broken and not hurdles:
        text = "this FFmpeg ends a copy when -stream_loop begins anew; version 7 does not"
        hurdles = (Reason("looped-input", text),)
    if hurdles:
        action, reasons, profile = Action.ENCODE, hurdles, ENCODED_PROFILE
    else:
        action, reasons = Action.COPY, _copy_reasons(stream)
        profile = PROFILES.get(stream.profile, ENCODED_PROFILE)
    return TrackPlan(
        kind="video",
        action=action,
        reasons=reasons,
        stream_map=f"{stream.index}:{stream.stream}",
        codec=stream.codec,
        profile_level_id=profile,
        width=stream.width,
        height=stream.height,
        fps=stream.fps,
    )


def _video_hurdles(stream: ProbeStream, *, force: bool) -> tuple[Reason, ...]:
    """Everything that forbids a copy; empty: copy."""
    hurdles = []
    if force:
        hurdles.append(Reason("forced", "force_transcode is set"))
    if stream.codec != "h264":
        hurdles.append(Reason("codec", f"{stream.codec} can't be sent as it is; H.264 can"))
        return tuple(hurdles)
    if stream.has_b_frames:
        hurdles.append(
            Reason("b-frames", "the stream has B-frames, which break WebRTC playback")
        )
    elif stream.has_b_frames is None:
        hurdles.append(Reason("b-frames-unknown", "no telling whether there are B-frames"))
    if stream.profile not in PROFILES:
        hurdles.append(Reason("profile", f"no browser promises H.264 {stream.profile or '?'}"))
    if stream.pix_fmt not in PIXEL_FORMATS:
        hurdles.append(Reason("pixel-format", f"{stream.pix_fmt} is not 8 bit 4:2:0"))
    return tuple(hurdles)


def _copy_reasons(stream: ProbeStream) -> tuple[Reason, ...]:
    reasons = [Reason("compatible", f"H.264 {stream.profile} without B-frames")]
    interval = stream.keyframe_interval_seconds
    if interval is not None and interval > LONG_GOP:
        text = f"a key frame only every {interval:.1f} s: viewers wait that long for a picture"
        reasons.append(Reason("long-gop", text))
    return tuple(reasons)


def _plan_audio(stream: ProbeStream | None, *, force: bool) -> TrackPlan:
    if stream is None:
        return TrackPlan("audio", Action.NONE, (Reason("no-audio", "the input has no audio"),))
    hurdles = []
    if force:
        hurdles.append(Reason("forced", "force_transcode is set"))
    if stream.codec != "opus":
        hurdles.append(Reason("codec", f"{stream.codec} is not a WebRTC codec; Opus is"))
    elif stream.channels > 2:
        hurdles.append(Reason("channels", f"{stream.channels} channels; WebRTC takes two"))
    return TrackPlan(
        kind="audio",
        action=Action.ENCODE if hurdles else Action.COPY,
        reasons=tuple(hurdles) or (Reason("compatible", "Opus"),),
        stream_map=f"{stream.index}:{stream.stream}",
        codec=stream.codec,
    )
