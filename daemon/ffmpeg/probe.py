"""Probe: what is in an input, by one run of ``ffmpeg`` (the wheel has no ffprobe).

The run copies the video packets to framecrc: its banner lists the streams, and its packets tell
of B-frames and key frames. So a live input is connected to only once.
"""

import asyncio
import re
from asyncio import StreamReader
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.ffmpeg import child
from daemon.ffmpeg.banner import Banner, Stream, strip_level
from daemon.ffmpeg.line import LineSplitter
from daemon.ffmpeg.packet import PacketReader

MAX_LOG_LINES = 150
HURRY_MICROSECONDS = "1500000"  # for a first look
MIN_SECONDS = 1.0  # less is no second look
PACKETS_SECONDS = 3.0  # how long a live input is looked at for a second key frame
_CHUNK = 64 * 1024
_REORDERING = frozenset({"h264", "hevc"})  # codecs whose B-frames matter to us
_NEVER_REORDERED = frozenset({"Baseline", "Constrained Baseline"})
_COMPONENT = re.compile(r"^\[[^\]]* @ 0x[0-9a-f]+\] ")
# Whatever comes first after the last input was listed
_LISTED = ("Stream mapping:", "Output #", "Press [q]")


@dataclass(frozen=True, slots=True)
class ProbeStream:
    """One stream. ``has_b_frames`` None: not a codec that has them, or not seen enough."""

    url: str
    format: str
    index: int
    stream: int
    language: str
    type: str
    codec: str
    coder: str
    bitrate_kbps: float
    duration_sec: float
    fps: float
    pix_fmt: str
    width: int
    height: int
    sampling_hz: int
    layout: str
    channels: int
    profile: str = ""
    has_b_frames: bool | None = None
    keyframe_interval_seconds: float | None = None
    seconds_without_keyframe: float = 0.0  # what was seen after the last one, if no second came
    is_interlaced: bool = False
    is_still: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found; ``error`` is one sentence, "" if all is well. Nothing is redacted."""

    streams: tuple[ProbeStream, ...]
    log: tuple[str, ...] = ()
    error: str = ""

    @property
    def is_clear(self) -> bool:
        """Whether there are streams, and FFmpeg made all of them out."""
        return bool(self.streams) and all(map(_is_clear, self.streams))


async def probe(binary: Path, input_arguments: Sequence[str], timeout_seconds: float) -> Probe:
    """Look into inputs, given as options and ``-i ADDRESS`` as on the command line.

    Never takes longer than the timeout, and about 3 s at most once packets arrive. FFmpeg
    is gone when this returns or is cancelled.

    FFmpeg looks for 5 s at what announces no end of its streams, such as MPEG-TS. It gets
    less at first, and all of it only if that left something open.
    """
    began = asyncio.get_running_loop().time()
    hurried = _hurried(input_arguments)
    if hurried == list(input_arguments):
        return await _probe(binary, hurried, timeout_seconds)
    found = await _probe(binary, hurried, timeout_seconds)
    left = timeout_seconds - (asyncio.get_running_loop().time() - began)
    if found.is_clear or not found.streams or left < MIN_SECONDS:
        return found
    return await _probe(binary, input_arguments, left)


def _hurried(arguments: Sequence[str]) -> list[str]:
    """Shorten FFmpeg's look at each input for which nobody has set how long it is."""
    hurried: list[str] = []
    begin = 0
    for place, argument in enumerate(arguments):
        if argument != "-i":
            continue
        options = arguments[begin:place]
        if not {"-analyzeduration", "-probesize"} & set(options):
            options = [*options, "-analyzeduration", HURRY_MICROSECONDS]
        hurried += [*options, *arguments[place : place + 2]]
        begin = place + 2
    return [*hurried, *arguments[begin:]]


def _is_clear(stream: ProbeStream) -> bool:
    if stream.type == "video":
        return bool(stream.width and (stream.profile or stream.codec != "h264"))
    return bool(stream.sampling_hz) or stream.type != "audio"


async def _probe(binary: Path, input_arguments: Sequence[str], timeout_seconds: float) -> Probe:
    reading = _Reading()
    error = ""
    try:
        async with child.started(binary, _arguments(input_arguments)) as process:
            error = await _read(process, reading, timeout_seconds)
    except OSError as problem:
        error = f"{binary} can't be run: {problem.strerror or problem}"
    streams = reading.streams()
    return Probe(streams, tuple(reading.log), "" if streams else error or reading.error)


def _arguments(input_arguments: Sequence[str]) -> list[str]:
    inputs = sum(argument == "-i" for argument in input_arguments)
    maps = [argument for index in range(inputs) for argument in ("-map", f"{index}:v?")]
    # After the inputs, for the last -loglevel counts
    quiet = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "info")
    target = ("-c", "copy", "-flush_packets", "1", "-t", "10", "-f", "framecrc", "pipe:1")
    return [*input_arguments, *quiet, *maps, *target]


async def _read(process: Process, reading: "_Reading", timeout_seconds: float) -> str:
    """Read until enough is known; gives what went wrong in time, if anything."""
    loop = asyncio.get_running_loop()
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(timeout_seconds) as limit:

            def take(feed: Callable[[bytes], None], data: bytes) -> None:
                feed(data)
                if reading.is_done:
                    child.kill(process)  # ends both streams
                elif reading.has_packets and not reading.is_limited:
                    reading.is_limited = True
                    deadline = loop.time() + PACKETS_SECONDS
                    limit.reschedule(min(deadline, limit.when() or deadline))

            async with asyncio.TaskGroup() as group:
                group.create_task(
                    _drain(process.stderr, lambda data: take(reading.feed_stderr, data))
                )
                group.create_task(
                    _drain(process.stdout, lambda data: take(reading.feed_stdout, data))
                )
    except TimeoutError:
        return f"no data within {timeout_seconds:g} s"
    return ""


async def _drain(stream: StreamReader, take: Callable[[bytes], None]) -> None:
    while data := await stream.read(_CHUNK):
        take(data)


class _Reading:
    """What one run has said so far."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.has_packets = False
        self.is_limited = False
        self._banner = Banner()
        self._lines = LineSplitter()
        self._packets = PacketReader()
        self._is_listed = False
        self._last_line = ""

    @property
    def is_done(self) -> bool:
        """Whether all streams are listed, and nothing more is to be learnt from packets."""
        return self._is_listed and all(
            self._packets.timing(number).is_known
            for number, stream in enumerate(self._videos())
            if _needs_packets(stream)
        )

    @property
    def error(self) -> str:
        """FFmpeg's last word, without the component that said it."""
        return _COMPONENT.sub("", strip_level(self._last_line)) or "FFmpeg said nothing"

    def feed_stderr(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            self._banner.receive_line(line)
            self._is_listed |= strip_level(line).startswith(_LISTED)
            self._last_line = line
            if len(self.log) < MAX_LOG_LINES:
                self.log.append(line)

    def feed_stdout(self, data: bytes) -> None:
        self.has_packets = True
        self._packets.feed(data)

    def streams(self) -> tuple[ProbeStream, ...]:
        numbers = {id(stream): number for number, stream in enumerate(self._videos())}
        return tuple(
            self._describe(stream, numbers.get(id(stream))) for stream in self._banner.inputs
        )

    def _videos(self) -> list[Stream]:
        """Give the mapped streams, in the order of mapping."""
        return [stream for stream in self._banner.inputs if stream.type == "video"]

    def _describe(self, stream: Stream, number: int | None) -> ProbeStream:
        has_b_frames: bool | None = None
        interval: float | None = None
        without = 0.0
        if number is not None and _needs_packets(stream):
            timing = self._packets.timing(number)
            has_b_frames = timing.has_b_frames
            interval = timing.keyframe_interval_seconds
            without = timing.seconds_without_keyframe if interval is None else 0.0
        elif stream.codec in _REORDERING:
            has_b_frames = False
        return ProbeStream(
            url=stream.url,
            format=stream.format,
            index=stream.index,
            stream=stream.stream,
            language=stream.language,
            type=stream.type,
            codec=stream.codec,
            coder=stream.coder if stream.coder != "copy" else "",
            bitrate_kbps=stream.bitrate_kbps,
            duration_sec=stream.duration_seconds,
            fps=stream.fps,
            pix_fmt=stream.pix_fmt,
            width=stream.width,
            height=stream.height,
            sampling_hz=stream.sampling_hz,
            layout=stream.layout,
            channels=stream.channels,
            profile=stream.profile,
            has_b_frames=has_b_frames,
            keyframe_interval_seconds=interval,
            seconds_without_keyframe=without,
            is_interlaced=stream.is_interlaced,
            is_still=stream.is_still,
        )


def _needs_packets(stream: Stream) -> bool:
    return stream.codec in _REORDERING and stream.profile not in _NEVER_REORDERED
