"""Progress: what FFmpeg says about itself, on ``-progress`` and on stderr; sans-IO.

Only bytes and ``now`` (monotonic seconds) come in. All functions are total: whatever the
bytes are, nothing raises, and memory stays bounded.
"""

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from daemon.ffmpeg.banner import Banner, Stream, strip_level
from daemon.ffmpeg.line import LineSplitter

WINDOW_SECONDS = 30.0  # over which fps and bitrate are means
_SPACING_SECONDS = 0.03  # of the samples in it
_LATE_SECONDS = 1.5  # without a report, of which there are two a second
_MAX_INT = 2**63 - 1
_INTEGER = re.compile(r"-?\d{1,19}")
_DECIMAL = re.compile(r"-?\d{1,15}(?:\.\d{1,9})?(?:e[+-]?\d{1,2})?")
_QUALITY = re.compile(r"stream_(\d{1,4})_(\d{1,4})_q")
# The last report comes even with -nostats, and users may ask for -stats
_STATS = re.compile(r"^(?:frame=\s*\d+ fps=|size=\s*\S+ time=)")


@dataclass(frozen=True, slots=True)
class ProgressIO:
    """One stream of an input or output; ``id`` is that of the config.

    Sizes in bytes, rates in bits per second. What stock FFmpeg doesn't count per stream is 0.
    """

    id: str
    address: str
    index: int
    stream: int
    format: str
    type: str
    codec: str
    coder: str = ""
    frame: int = 0
    keyframe: int = 0
    framerate_min: float = 0.0
    framerate_max: float = 0.0
    framerate_avg: float = 0.0
    fps: float = 0.0
    packet: int = 0
    pps: float = 0.0
    size_bytes: int = 0
    bitrate_bits: float = 0.0
    extradata_size_bytes: int = 0
    q: float = 0.0
    pix_fmt: str = ""
    width: int = 0
    height: int = 0
    sampling_hz: int = 0
    layout: str = ""
    channels: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one run is; fps and bitrate are means over the last 30 s.

    ``position`` grows whenever a report shows more frames, time or bytes than any before it,
    and only then: its standing still is what "stale" means, for audio alone too.
    """

    inputs: tuple[ProgressIO, ...] = ()
    outputs: tuple[ProgressIO, ...] = ()
    frame: int = 0
    packet: int = 0
    fps: float = 0.0
    q: float = 0.0
    size_bytes: int = 0
    time_seconds: float = 0.0
    bitrate_bits: float = 0.0
    speed: float = 0.0
    drop: int = 0
    dup: int = 0
    position: int = 0


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    frame: int
    size_bytes: int


class ProgressParser:
    """Reads both outputs of one run of FFmpeg, in any pieces.

    ``input_ids`` and ``output_ids`` are those of the command, in its order, appended outputs
    included.
    """

    def __init__(self, input_ids: Sequence[str], output_ids: Sequence[str]) -> None:
        self.progress = Progress()
        self._input_ids = tuple(input_ids)
        self._output_ids = tuple(output_ids)
        self._reports = LineSplitter()
        self._lines = LineSplitter()
        self._banner = Banner()
        self._block: dict[str, str] = {}
        self._quality: dict[tuple[int, int], float] = {}
        self._samples: deque[_Sample] = deque()

    def feed_progress(self, data: bytes, now: float) -> None:
        """Take bytes of the ``-progress`` pipe."""
        for line in self._reports.feed(data):
            key, _, value = line.partition("=")
            if key == "progress":
                self._take_report(now)
            elif quality := _QUALITY.fullmatch(key):
                self._note_quality(int(quality[1]), int(quality[2]), value)
            elif key in _FIELDS:
                self._block[key] = value.strip()

    def feed_stderr(self, data: bytes) -> list[str]:
        """Take bytes of stderr; give its complete lines, without the statistics."""
        return self._take_lines(self._lines.feed(data))

    def finish(self) -> list[str]:
        """At the end of stderr: its last line, if it had no end."""
        return self._take_lines(self._lines.finish())

    def at(self, now: float) -> Progress:
        """Give the progress as it is now: while no report comes, fps and bitrate sink to 0."""
        if not self._samples or now - self._samples[-1].at < _LATE_SECONDS:
            return self.progress
        last = self._samples[-1]
        oldest = next((one for one in self._samples if one.at > now - WINDOW_SECONDS), last)
        fps, bytes_per_second = _rates(oldest, replace(last, at=now))
        outputs = tuple(
            replace(one, fps=fps if one.fps else 0.0) for one in self.progress.outputs
        )
        return replace(
            self.progress, fps=fps, bitrate_bits=bytes_per_second * 8, outputs=outputs
        )

    def _take_lines(self, lines: list[str]) -> list[str]:
        has_grown = False
        for line in lines:
            has_grown |= self._banner.receive_line(line)
        if has_grown:
            self._list_streams()
        return [line for line in lines if not _STATS.match(strip_level(line))]

    def _take_report(self, now: float) -> None:
        fields = {key: read(self._block.get(key, "")) for key, read in _FIELDS.items()}
        self._block = {}
        before = self.progress
        frame, size = int(fields["frame"]), int(fields["total_size"])
        seconds = fields["out_time_us"] / 1e6
        # Never back: a report may lack what the one before it had (N/A)
        frame, size = max(frame, before.frame), max(size, before.size_bytes)
        seconds = max(seconds, before.time_seconds)
        has_moved = (frame, size, seconds) != (
            before.frame,
            before.size_bytes,
            before.time_seconds,
        )
        fps, bytes_per_second = self._measure(_Sample(now, frame, size))
        self.progress = replace(
            before,
            frame=frame,
            fps=fps,
            q=next(iter(self._quality.values()), 0.0),
            size_bytes=size,
            time_seconds=seconds,
            bitrate_bits=bytes_per_second * 8,
            speed=fields["speed"],
            drop=int(fields["drop_frames"]),
            dup=int(fields["dup_frames"]),
            position=before.position + has_moved,
        )
        self._list_streams()

    def _measure(self, sample: _Sample) -> tuple[float, float]:
        """Frames and bytes per second since the oldest sample of the window."""
        samples = self._samples
        if len(samples) > 1 and samples[-1].at - samples[-2].at < _SPACING_SECONDS:
            samples.pop()  # a burst of reports must not fill the memory
        samples.append(sample)
        while samples[0] is not sample and samples[1].at <= sample.at - WINDOW_SECONDS:
            samples.popleft()
        return _rates(samples[0], sample)

    def _note_quality(self, file: int, stream: int, value: str) -> None:
        key = (file, stream)
        if key in self._quality or len(self._quality) < len(self._output_ids) * 8:
            self._quality[key] = max(0.0, _read_decimal(value))  # -1.0: nothing is encoded

    def _list_streams(self) -> None:
        ids = (self._input_ids, self._output_ids)
        inputs = tuple(_describe(stream, ids[0]) for stream in self._banner.inputs)
        outputs = [_describe(stream, ids[1]) for stream in self._banner.outputs]
        self.progress = replace(self.progress, inputs=inputs, outputs=self._count(outputs))

    def _count(self, outputs: list[ProgressIO]) -> tuple[ProgressIO, ...]:
        """Fill in what FFmpeg counts: ``frame`` is that of the first video output."""
        counted = [
            replace(output, q=self._quality.get((output.index, output.stream), 0.0))
            for output in outputs
        ]
        for place, output in enumerate(counted):
            if output.type == "video":
                now = self.progress
                counted[place] = replace(output, frame=now.frame, fps=now.fps)
                break
        return tuple(counted)


def _rates(first: _Sample, last: _Sample) -> tuple[float, float]:
    """Give frames and bytes per second between two samples."""
    elapsed = last.at - first.at
    if elapsed <= 0:
        return 0.0, 0.0
    return (last.frame - first.frame) / elapsed, (last.size_bytes - first.size_bytes) / elapsed


def _describe(stream: Stream, ids: Sequence[str]) -> ProgressIO:
    return ProgressIO(
        id=ids[stream.index] if stream.index < len(ids) else "",
        address=stream.url,
        index=stream.index,
        stream=stream.stream,
        format=stream.format,
        type=stream.type,
        codec=stream.codec,
        coder=stream.coder,
        pix_fmt=stream.pix_fmt,
        width=stream.width,
        height=stream.height,
        sampling_hz=stream.sampling_hz,
        layout=stream.layout,
        channels=stream.channels,
    )


def _read_count(text: str) -> float:
    """Read a count; 0 for N/A, nonsense and the negative times before the first packet."""
    match = _INTEGER.fullmatch(text)
    return min(max(int(match[0]), 0), _MAX_INT) if match else 0


def _read_decimal(text: str) -> float:
    match = _DECIMAL.match(text.strip())
    return float(match[0]) if match else 0.0


_FIELDS: dict[str, Callable[[str], float]] = {
    "frame": _read_count,
    "total_size": _read_count,
    "out_time_us": _read_count,
    "drop_frames": _read_count,
    "dup_frames": _read_count,
    "speed": _read_decimal,  # "1.01x", "   0x", "N/A", "1.2e+03x"
}
