"""ffmpeg_args: the arguments of the RTP legs: one output per track (FFmpeg's rtp muxer)."""

from dataclasses import dataclass

from daemon.webrtc.plan import ENCODED_FPS, ENCODED_PIXELS, FRAME_RATES, Action, TrackPlan

PACKET_SIZE = 1200  # bytes of RTP; leaves room for SRTP, IPv6 and tunnels below 1280
PICTURE_SIZE = 60_000  # bytes: whole pictures, over loopback only; rtc.packetizer cuts them
GOP_SECONDS = 1.0  # a viewer who joins waits half of it on average
FALLBACK_GOP = 30  # frames, when the rate is unknown or varies
ONE_THREAD_PIXELS = 1920 * 1088
HD_PIXELS = 1280 * 720
AUDIO_BITRATE = "96k"
VIDEO_BITRATES = ((640 * 480, "1500k"), (1280 * 720, "3000k"), (1920 * 1088, "6000k"))
LARGE_VIDEO_BITRATE = "12000k"


@dataclass(frozen=True, slots=True)
class LegAddress:
    """Where a leg sends to, and from which port: ours is connected to it."""

    port: int
    source_port: int
    payload_type: int
    ssrc: int


def build_args(track: TrackPlan, leg: LegAddress, *, start_microseconds: int) -> list[str]:
    """Describe one output.

    ``start_microseconds`` (Unix time) is the same for all legs of a run: their sender reports
    then share one zero, so that lip-sync is exact.
    """
    is_video = track.kind == "video"
    return [
        *("-map", track.stream_map),
        *_codec_args(track),
        *_leg_args(leg, start_microseconds, PICTURE_SIZE if is_video else PACKET_SIZE),
    ]


def build_vp8_args(leg: LegAddress, pixels: int, *, start_microseconds: int) -> list[str]:
    """Write the whole command of the second FFmpeg: FLV from its stdin becomes VP8.

    Times go through unchanged, and no picture waits for another one: neither the probe, nor
    the decoder, nor the encoder may look ahead.
    """
    rate = _bitrate(pixels)
    return [
        *("-hide_banner", "-nostats", "-loglevel", "warning"),
        *("-flags", "low_delay", "-threads", "1", "-analyzeduration", "1"),
        *("-fpsprobesize", "0", "-f", "flv", "-i", "pipe:0", "-copyts", "-map", "0:v"),
        *("-fps_mode", "passthrough", "-enc_time_base", "1/90000"),
        *("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0"),
        *("-b:v", rate, "-maxrate", rate, "-bufsize", rate, "-max-intra-rate", "450"),
        *("-g", "600", "-force_key_frames", f"expr:gte(t,n_forced*{GOP_SECONDS:g})"),
        *("-threads:v", "1" if pixels <= HD_PIXELS else "2"),
        *_leg_args(leg, start_microseconds, PACKET_SIZE),
    ]


def _leg_args(leg: LegAddress, start_microseconds: int, packet_size: int) -> list[str]:
    return [
        *("-payload_type", str(leg.payload_type), "-ssrc", str(leg.ssrc)),
        *("-start_time_realtime", str(start_microseconds)),
        *("-f", "rtp"),
        (
            f"udp://127.0.0.1:{leg.port}?pkt_size={packet_size}"
            f"&localaddr=127.0.0.1&localport={leg.source_port}"
        ),
    ]


def _bitrate(pixels: int) -> str:
    fitting = (rate for most, rate in VIDEO_BITRATES if pixels <= most)
    return next(fitting, LARGE_VIDEO_BITRATE)


def _codec_args(track: TrackPlan) -> list[str]:
    if track.kind == "audio":
        if track.action is Action.COPY:
            return ["-c:a", "copy"]
        return [
            *("-c:a", "libopus", "-ar", "48000", "-ac", "2", "-b:a", AUDIO_BITRATE),
            *("-frame_duration", "20"),
        ]
    if track.action is Action.COPY:
        # Annex B first: dump_extra alone puts an MP4's parameter sets where they break it
        return ["-c:v", "copy", "-bsf:v", "h264_mp4toannexb,dump_extra=freq=keyframe"]
    return _x264_args(track)


def _x264_args(track: TrackPlan) -> list[str]:
    pixels = track.width * track.height
    rate = _bitrate(pixels)
    args = [
        *("-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency"),
        *("-profile:v", "baseline", "-pix_fmt", "yuv420p", "-bf", "0"),
        *_key_frames(track.fps),
        *("-crf", "23", "-maxrate", rate, "-bufsize", rate),
        *("-bsf:v", "dump_extra=freq=keyframe"),
    ]
    filters = _filters(track)
    if filters:
        args += ["-filter:v", ",".join(filters)]
    if pixels <= ONE_THREAD_PIXELS:
        # one slice a frame: its packets then leave in one system call per viewer
        args += ["-threads:v", "1", "-x264-params", "sliced-threads=0"]
    return args


def _key_frames(fps: float) -> list[str]:
    """Ask for one each second; by the clock where the number of frames tells nothing."""
    slowest, fastest = FRAME_RATES
    if slowest <= fps <= fastest:
        gop = round(min(fps, ENCODED_FPS) * GOP_SECONDS)
        return ["-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0"]
    forced = f"expr:gte(t,n_forced*{GOP_SECONDS:g})"
    return ["-g", str(FALLBACK_GOP), "-sc_threshold", "0", "-force_key_frames", forced]


def _filters(track: TrackPlan) -> list[str]:
    filters = []
    if track.is_interlaced:
        filters.append("yadif=deint=interlaced")  # leaves alone what isn't marked as such
    if ENCODED_FPS < track.fps <= FRAME_RATES[1]:
        filters.append(f"fps={ENCODED_FPS:g}")
    if track.width * track.height > ENCODED_PIXELS:
        shrink = (ENCODED_PIXELS / (track.width * track.height)) ** 0.5
        size = (str(int(side * shrink) // 2 * 2) for side in (track.width, track.height))
        filters.append(f"scale={':'.join(size)}")
    elif track.width % 2 or track.height % 2:
        filters.append("scale=trunc(iw/2)*2:trunc(ih/2)*2")
    return filters
