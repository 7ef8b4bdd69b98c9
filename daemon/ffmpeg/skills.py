"""Skills: what an FFmpeg can do, from its own lists (datarhei-core.md a.4)."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from daemon.ffmpeg import child, device
from daemon.ffmpeg.binary import parse_version

LIST_SECONDS = 10.0
_LIBRARY = re.compile(r"^(lib\w+) +([\d. ]+?) */ *([\d. ]+?) *$")
_FILTER = re.compile(r"^ [A-Z.]{2,3} (\w+) +\S+->\S+ +(.*)$")
_CODEC = re.compile(r"^ ([D.])([E.])([VAS])[I.][L.][S.] ([^\s=]\S*) +(.*)$")  # no legend
_CODERS = re.compile(r" ?\((decoders|encoders): ([^)]*)\)")
_FORMAT = re.compile(r"^ ([D ])([E ])[d ]? +(\S+) +(.*)$")


@dataclass(frozen=True, slots=True)
class Library:
    """One of FFmpeg's libraries: the version it was compiled with, and the one it uses."""

    name: str
    compiled: str
    linked: str


@dataclass(frozen=True, slots=True)
class Skill:
    """Something that can be named on the command line."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec, and what implements it."""

    id: str
    name: str
    encoders: tuple[str, ...] = ()
    decoders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skills:
    """All of it. ``version`` is x.y.z; ``plugged`` has the devices of some kinds of devices."""

    version: str = ""
    compiler: str = ""
    configuration: str = ""
    libraries: tuple[Library, ...] = ()
    filters: tuple[Skill, ...] = ()
    hwaccels: tuple[Skill, ...] = ()
    audio_codecs: tuple[Codec, ...] = ()
    video_codecs: tuple[Codec, ...] = ()
    subtitle_codecs: tuple[Codec, ...] = ()
    device_demuxers: tuple[Skill, ...] = ()
    device_muxers: tuple[Skill, ...] = ()
    demuxers: tuple[Skill, ...] = ()
    muxers: tuple[Skill, ...] = ()
    input_protocols: tuple[Skill, ...] = ()
    output_protocols: tuple[Skill, ...] = ()
    plugged: Mapping[str, tuple[device.Device, ...]] = field(default_factory=dict)


async def read(binary: Path) -> Skills:
    """Ask the program; about 0.3 s. Raises OSError if it can't be run."""
    lists = {
        option: await child.read_output(binary, ["-hide_banner", f"-{option}"], LIST_SECONDS)
        for option in (
            *("version", "filters", "codecs", "formats", "devices", "protocols", "hwaccels"),
        )
    }
    return replace(parse(lists), plugged=await asyncio.to_thread(device.find))


def parse(lists: dict[str, str]) -> Skills:
    """Read the lists, by the name of their option; lines that don't fit are left out."""
    about = lists["version"]
    codecs = {kind: tuple(_parse_codecs(lists["codecs"], kind)) for kind in "AVS"}
    devices = tuple(_parse_formats(lists["devices"]))
    formats = tuple(_parse_formats(lists["formats"]))
    incoming, _, outgoing = lists["protocols"].partition("Output:")
    return Skills(
        version=parse_version(about),
        compiler=_find(about, r"^built with (.*)$"),
        configuration=_find(about, r"^configuration: (.*)$"),
        libraries=tuple(_parse_libraries(about)),
        filters=tuple(_parse_filters(lists["filters"])),
        hwaccels=_parse_names(lists["hwaccels"]),
        audio_codecs=codecs["A"],
        video_codecs=codecs["V"],
        subtitle_codecs=codecs["S"],
        device_demuxers=tuple(skill for flags, skill in devices if "D" in flags),
        device_muxers=tuple(skill for flags, skill in devices if "E" in flags),
        demuxers=tuple(skill for flags, skill in formats if "D" in flags),
        muxers=tuple(skill for flags, skill in formats if "E" in flags),
        input_protocols=_parse_names(incoming),
        output_protocols=_parse_names(outgoing),
    )


def _find(text: str, pattern: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    return match[1].strip() if match else ""


def _parse_libraries(text: str) -> Iterator[Library]:
    for line in text.splitlines():
        if match := _LIBRARY.match(line):
            name, compiled, linked = match.groups()
            yield Library(name, compiled.replace(" ", ""), linked.replace(" ", ""))


def _parse_filters(text: str) -> Iterator[Skill]:
    for line in text.splitlines():
        if match := _FILTER.match(line):
            yield Skill(match[1], match[2])


def _parse_codecs(text: str, kind: str) -> Iterator[Codec]:
    for line in text.splitlines():
        match = _CODEC.match(line)
        if match is None or match[3] != kind:
            continue
        can_decode, can_encode, _, codec_id, description = match.groups()
        coders = {name: tuple(ids.split()) for name, ids in _CODERS.findall(description)}
        # Only those with another name than the codec's are listed
        own = (codec_id,)
        yield Codec(
            id=codec_id,
            name=_CODERS.sub("", description).strip(),
            encoders=coders.get("encoders", own) if can_encode == "E" else (),
            decoders=coders.get("decoders", own) if can_decode == "D" else (),
        )


def _parse_formats(text: str) -> Iterator[tuple[str, Skill]]:
    """Read what each can do, and what it is: by the first of its names, as datarhei Core."""
    for line in text.splitlines():
        match = _FORMAT.match(line)
        if match:
            yield match[1] + match[2], Skill(match[3].partition(",")[0], match[4].strip())


def _parse_names(text: str) -> tuple[Skill, ...]:
    """Read a plain list: a name per line, after a heading that ends with a colon."""
    names = (line.strip() for line in text.splitlines())
    return tuple(
        Skill(name, name) for name in names if name and " " not in name and ":" not in name
    )
