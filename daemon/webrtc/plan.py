"""Plan: what each track does on its way to WebRTC: copy, encode or none; and why."""

from dataclasses import dataclass
from enum import StrEnum

from daemon.ffmpeg.probe import Probe, ProbeStream
from daemon.restream.config import ConfigWebRTC

LONG_GOP = 4.0  # seconds; a viewer who joins waits up to this long for a picture
LONG_WATCH = 2.5  # seconds without a second key frame: the probe ends soon after
PROFILES = {  # FFmpeg's names, as the browsers' decoders take them (RFC 6184 section 8.1)
    "Constrained Baseline": "42e01f",
    "Baseline": "42001f",
    "Main": "4d001f",
    "High": "64001f",
    "Constrained High": "640c1f",
}
PIXEL_FORMATS = ("", "yuv420p", "yuvj420p")  # "": FFmpeg did not say
ENCODED_PROFILE = PROFILES["Constrained Baseline"]
FRAME_RATES = (1.0, 120.0)  # per second; what lies outside is FFmpeg's guess, and a wrong one
ENCODED_FPS = 60.0  # at the most: few screens show more, and nobody encodes it in time
ENCODED_PIXELS = 3840 * 2160  # a frame, at the most: what level 5.2 and most decoders end at
HIGH_BITRATE_KBPS = 20_000
# Containers that keep H.264's parameter sets in a place of their own
_SETS_ASIDE = ("mov", "mp4", "flv", "matroska", "rtsp", "sdp")
_PLAYABLE = frozenset({"vp8", "vp9", "av1"})  # browsers take them; viewers here get H.264
_G711 = frozenset({"pcm_mulaw", "pcm_alaw"})


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
    is_interlaced: bool = False


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
    """Find the first stream of a kind; a cover picture is no video."""
    return next((one for one in probe.streams if one.type == kind and not one.is_still), None)


def _plan_video(stream: ProbeStream | None, *, force: bool, is_loop_broken: bool) -> TrackPlan:
    if stream is None:
        return TrackPlan("video", Action.NONE, (Reason("no-video", "the input has no video"),))
    if not (stream.width and stream.height):
        text = f"nothing can be done with {stream.codec} of unknown size"
        if stream.codec in {"h264", "hevc"}:
            text = (
                f"the {stream.codec} has no parameter sets (SPS, PPS), so nobody can decode it"
            )
        return TrackPlan(
            "video", Action.NONE, (Reason("no-parameters", text),), "", stream.codec
        )
    hurdles = _video_hurdles(stream, force=force)
    if is_loop_broken and not hurdles:
        text = "this FFmpeg ends a copy when -stream_loop begins anew; version 7 does not"
        hurdles = (Reason("looped-input", text),)
    if hurdles:
        action, reasons, profile = Action.ENCODE, (*hurdles, *_limits(stream)), ENCODED_PROFILE
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
        is_interlaced=stream.is_interlaced,
    )


def _video_hurdles(stream: ProbeStream, *, force: bool) -> tuple[Reason, ...]:
    """Everything that forbids a copy; empty: copy."""
    hurdles = [Reason("forced", "force_transcode is set")] if force else []
    if stream.codec != "h264":
        hurdles.append(Reason("codec", _why_not(stream.codec)))
        return (*hurdles, *_interlacing(stream))
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
    return (*hurdles, *_interlacing(stream))


def _why_not(codec: str) -> str:
    if codec in _PLAYABLE:
        return f"{codec} could be played, but not by all; H.264 is what viewers here get"
    return f"{codec} can't be sent as it is; H.264 can"


def _interlacing(stream: ProbeStream) -> tuple[Reason, ...]:
    if not stream.is_interlaced:
        return ()
    text = "interlaced: decoders in browsers show combs or nothing; made whole frames"
    return (Reason("interlaced", text),)


def _limits(stream: ProbeStream) -> tuple[Reason, ...]:
    """Say how the encoded picture differs from the source's, beside the codec."""
    reasons = []
    if stream.width % 2 or stream.height % 2:
        text = f"{stream.width}x{stream.height} loses its odd line: 4:2:0 has pairs"
        reasons.append(Reason("odd-size", text))
    if stream.width * stream.height > ENCODED_PIXELS:
        text = (
            f"{stream.width}x{stream.height} is scaled down: few can encode or decode it live"
        )
        reasons.append(Reason("large-picture", text))
    if ENCODED_FPS < stream.fps <= FRAME_RATES[1]:
        text = f"{stream.fps:g} frames a second; viewers get {ENCODED_FPS:g}"
        reasons.append(Reason("high-frame-rate", text))
    return tuple(reasons)


def _copy_reasons(stream: ProbeStream) -> tuple[Reason, ...]:
    reasons = [Reason("compatible", f"H.264 {stream.profile} without B-frames")]
    interval = stream.keyframe_interval_seconds
    if interval is not None and interval > LONG_GOP:
        text = f"a key frame only every {interval:.1f} s: viewers wait that long for a picture"
        reasons.append(Reason("long-gop", text))
    elif stream.seconds_without_keyframe > LONG_WATCH:
        text = (
            f"no second key frame within {stream.seconds_without_keyframe:.1f} s: viewers wait"
        )
        reasons.append(Reason("long-gop", text))
    if stream.format.startswith(_SETS_ASIDE):
        text = "the parameter sets, kept aside in this format, go before each key frame"
        reasons.append(Reason("parameter-sets", text))
    if stream.width * stream.height > ENCODED_PIXELS:
        text = f"{stream.width}x{stream.height} is more than many viewers can decode"
        reasons.append(Reason("large-picture", text))
    if ENCODED_FPS < stream.fps <= FRAME_RATES[1]:
        text = f"{stream.fps:g} frames a second are more than many viewers can show"
        reasons.append(Reason("high-frame-rate", text))
    if stream.bitrate_kbps > HIGH_BITRATE_KBPS:
        text = f"{stream.bitrate_kbps / 1000:.0f} Mbit/s: every viewer's line must carry that"
        reasons.append(Reason("high-bitrate", text))
    return tuple(reasons)


def _plan_audio(stream: ProbeStream | None, *, force: bool) -> TrackPlan:
    if stream is None:
        return TrackPlan("audio", Action.NONE, (Reason("no-audio", "the input has no audio"),))
    if not stream.sampling_hz:
        text = f"nothing can be done with {stream.codec} of unknown sampling rate"
        return TrackPlan(
            "audio", Action.NONE, (Reason("no-parameters", text),), "", stream.codec
        )
    hurdles = [Reason("forced", "force_transcode is set")] if force else []
    if stream.codec in _G711:
        text = "G.711 could be played, but Opus hides losses and needs less bandwidth"
        hurdles.append(Reason("g711", text))
    elif stream.codec != "opus":
        hurdles.append(Reason("codec", f"{stream.codec} is not a WebRTC codec; Opus is"))
    if stream.channels > 2:
        text = f"{stream.channels} channels are mixed down; WebRTC takes two"
        hurdles.append(Reason("channels", text))
    return TrackPlan(
        kind="audio",
        action=Action.ENCODE if hurdles else Action.COPY,
        reasons=tuple(hurdles) or (Reason("compatible", "Opus"),),
        stream_map=f"{stream.index}:{stream.stream}",
        codec=stream.codec,
    )
