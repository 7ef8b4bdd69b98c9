"""Banner: the files and streams that FFmpeg lists on stderr before it starts; sans-IO.

The form is that of ``av_dump_format``, the same from FFmpeg 5.1 to 9.
"""

import re
from dataclasses import dataclass, replace
from typing import Literal

Direction = Literal["input", "output"]

MAX_STREAMS = 256  # of one command; a hostile input can announce thousands

_LEVEL = re.compile(r"^\[(?:panic|fatal|error|warning|info|verbose|debug|trace)\] ")
_FILE = re.compile(r"^(Input|Output) #(\d{1,4}), (.*?), (?:from|to) '(.*)':$")
_DURATION = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?),")
# Exactly two blanks: lines of metadata, whose text the input chooses, have more
_STREAM = re.compile(
    r"^  Stream #(?P<file>\d{1,4}):(?P<stream>\d{1,4})(?:\[0x[0-9a-f]+\])?"
    r"(?:\((?P<language>[^)]*)\))?"
    r": (?P<type>Video|Audio|Subtitle|Data|Attachment): (?P<rest>.*)$"
)
_MAPPING = re.compile(r"^  Stream #(\d{1,4}:\d{1,4}) -> #(\d{1,4}:\d{1,4}) \((.*)\)$")
_FILTERED = re.compile(r"^  .* -> Stream #(\d{1,4}:\d{1,4}) \((\w+)\)$")
_CODERS = re.compile(r"^(\S+) \((\S+)\) -> (\S+) \((\S+)\)$")

_SEPARATOR = re.compile(r", (?![^(\[]*[)\]])")
_GROUP = re.compile(r" \(([^()]*)\)")
_SIZE = re.compile(r"^(\d{1,6})x(\d{1,6})(?: |$)")
_RATE = re.compile(r"^(\d{1,9}(?:\.\d{1,9})?)(k?) (fps|tbr)$")
_BITRATE = re.compile(r"^(\d{1,9}) kb/s")
_INTERLACED = re.compile(r"(?:\(|, )(?:top|bottom) (?:coded )?first[,) ]")
_STILL = re.compile(r" \((?:attached pic|still image)\)")
_SAMPLING = re.compile(r"^(\d{1,9}) Hz$")
_COUNT = re.compile(r"^(\d{1,4}) channels")
_LAYOUT = re.compile(r"^(\d{1,2}(?:\.\d{1,2}){1,2})(?:\(.*\))?$")
_LAYOUTS = {"mono": 1, "stereo": 2, "downmix": 2, "quad": 4, "hexagonal": 6, "octagonal": 8}


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of one file. ``coder`` is an encoder, a decoder, "copy", or not known yet."""

    url: str
    format: str
    index: int
    stream: int
    type: str
    codec: str
    language: str = "und"
    profile: str = ""
    coder: str = ""
    bitrate_kbps: float = 0.0
    duration_seconds: float = 0.0
    fps: float = 0.0
    pix_fmt: str = ""
    width: int = 0
    height: int = 0
    sampling_hz: int = 0
    layout: str = ""
    channels: int = 0
    is_interlaced: bool = False
    is_still: bool = False
    """A picture that comes with sound, such as a cover: one frame, no video."""


@dataclass(slots=True)
class _File:
    direction: Direction
    index: int
    format: str
    url: str
    duration_seconds: float = 0.0


class Banner:
    """Collects the listed streams, in FFmpeg's order; feed it every line of stderr."""

    def __init__(self) -> None:
        self.inputs: list[Stream] = []
        self.outputs: list[Stream] = []
        self._file: _File | None = None
        self._coders: dict[tuple[Direction, str], str] = {}

    def receive_line(self, line: str) -> bool:
        """Take one line, with or without its ``[level]``; true if a list has changed."""
        if "#" not in line and "Duration" not in line:
            return False  # nearly all lines
        line = strip_level(line)
        if stream := _STREAM.match(line):
            return self._add_stream(stream)
        if file := _FILE.match(line):
            direction: Direction = "input" if file[1] == "Input" else "output"
            self._file = _File(direction, int(file[2]), file[3], file[4])
        elif duration := _DURATION.match(line):
            self._add_duration(duration)
        elif mapping := _MAPPING.match(line):
            return self._add_mapping(mapping)
        elif filtered := _FILTERED.match(line):
            self._coders["output", filtered[1]] = filtered[2]
        return False

    def _add_duration(self, match: re.Match[str]) -> None:
        if self._file is not None:
            hours, minutes, seconds = match.groups()
            self._file.duration_seconds = (
                min(int(hours[:6]), 99999) * 3600 + int(minutes) * 60 + float(seconds[:9])
            )

    def _add_mapping(self, match: re.Match[str]) -> bool:
        source, target, how = match.groups()
        if how == "copy":
            self._coders["input", source] = self._coders["output", target] = "copy"
        elif coders := _CODERS.match(how):
            codec_in, decoder, codec_out, encoder = coders.groups()
            self._coders["input", source] = codec_in if decoder == "native" else decoder
            self._coders["output", target] = codec_out if encoder == "native" else encoder
        # FFmpeg 5 lists outputs that only copy before their mapping, others after it
        self.inputs = [self._with_coder("input", stream) for stream in self.inputs]
        self.outputs = [self._with_coder("output", stream) for stream in self.outputs]
        return True

    def _with_coder(self, direction: Direction, stream: Stream) -> Stream:
        key = (direction, f"{stream.index}:{stream.stream}")
        return replace(stream, coder=self._coders.get(key, stream.coder))

    def _add_stream(self, match: re.Match[str]) -> bool:
        file, index, number = self._file, int(match["file"]), int(match["stream"])
        if file is None or file.index != index:
            return False
        streams = self.inputs if file.direction == "input" else self.outputs
        is_known = any(s.index == index and s.stream == number for s in streams)
        if is_known or len(streams) >= MAX_STREAMS:
            return False
        stream = Stream(
            url=file.url,
            format=file.format,
            index=index,
            stream=number,
            type=match["type"].lower(),
            codec="",
            language=match["language"] or "und",
            coder=self._coders.get((file.direction, f"{index}:{number}"), ""),
            duration_seconds=file.duration_seconds,
        )
        streams.append(_describe(stream, match["rest"]))
        return True


def strip_level(line: str) -> str:
    """Remove the ``[info] `` that ``-loglevel level+...`` puts in front."""
    return _LEVEL.sub("", line, count=1)


def _describe(stream: Stream, text: str) -> Stream:
    codec, *parts = _SEPARATOR.split(text)
    name = codec.partition(" ")[0]
    groups = [group for group in _GROUP.findall(codec) if "/" not in group and "[" not in group]
    coders = [group for group in groups if _is_coder(group, name)]
    profiles = [group for group in groups if group not in coders]
    stream = replace(
        stream,
        codec=name,
        profile=profiles[0] if profiles and stream.type != "subtitle" else "",
        coder=stream.coder or (coders[0] if coders else ""),
    )
    # FFmpeg ends the last part with flags: "69 kb/s (default)"
    parts = [re.sub(r"( \([a-z ]+\))+$", "", part) for part in parts]
    bitrate = next((float(m[1]) for part in parts if (m := _BITRATE.match(part))), 0.0)
    stream = replace(stream, bitrate_kbps=bitrate)
    if stream.type == "video":
        stream = replace(
            stream,
            is_interlaced=_INTERLACED.search(text) is not None,
            is_still=_STILL.search(text) is not None,
        )
        return _describe_video(stream, parts)
    return _describe_audio(stream, parts) if stream.type == "audio" else stream


def _is_coder(group: str, codec: str) -> bool:
    return group == "native" or group.startswith(("lib", f"{codec}_"))


def _describe_video(stream: Stream, parts: list[str]) -> Stream:
    size = next((m for part in parts if (m := _SIZE.match(part))), None)
    rates = {m[3]: _rate(m) for part in parts if (m := _RATE.match(part))}
    pix_fmt = parts[0].partition("(")[0] if parts and not _SIZE.match(parts[0]) else ""
    return replace(
        stream,
        pix_fmt="" if pix_fmt == "none" else pix_fmt.strip(),
        width=int(size[1]) if size else 0,
        height=int(size[2]) if size else 0,
        fps=rates.get("fps", rates.get("tbr", 0.0)),
    )


def _rate(match: re.Match[str]) -> float:
    return float(match[1]) * (1000 if match[2] else 1)


def _describe_audio(stream: Stream, parts: list[str]) -> Stream:
    for place, part in enumerate(parts):
        if sampling := _SAMPLING.match(part):
            layout = parts[place + 1] if place + 1 < len(parts) else ""
            hertz = int(sampling[1])
            return replace(
                stream, sampling_hz=hertz, layout=layout, channels=_count_channels(layout)
            )
    return stream


def _count_channels(layout: str) -> int:
    if counted := _COUNT.match(layout):
        return int(counted[1])
    if dotted := _LAYOUT.match(layout):  # "5.1(side)", "7.1.4"
        return sum(int(number) for number in dotted[1].split("."))
    return _LAYOUTS.get(layout.partition("(")[0], 0)
