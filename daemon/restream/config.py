"""ProcessConfig: what a user wants of one FFmpeg process, as datarhei Core describes it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NewType

from daemon.errors import InvalidError

ProcessId = NewType("ProcessId", str)

MAX_ID = 128  # characters
MAX_REFERENCE_BYTES = 64 * 1024
INSTANT_STARTS = ("off", "keyframe", "gop")
RTCP_TYPES = range(64, 96)  # RFC 5761 section 4: taken for RTCP on a shared port


@dataclass(frozen=True, slots=True)
class ConfigCleanup:
    """A clean-up rule of an output: ``pattern`` is ``<file system>:<glob>``."""

    pattern: str
    max_files: int = 0
    max_file_age_seconds: int = 0
    purge_on_delete: bool = False


@dataclass(frozen=True, slots=True)
class ConfigIO:
    """One input or output: FFmpeg options, then an address."""

    id: str
    address: str
    options: tuple[str, ...] = ()
    cleanup: tuple[ConfigCleanup, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigLimits:
    """Limits of one process; 0 means none. CPU in percent of the whole machine."""

    cpu_usage: float = 0.0
    memory_bytes: int = 0
    waitfor_seconds: int = 0


@dataclass(frozen=True, slots=True)
class ConfigWebRTC:
    """WebRTC output of one process. The payload types are those of the internal legs.

    ``vp8``: "auto" makes VP8 for viewers without H.264 while there are any, "off" refuses them.
    """

    enabled: bool = False
    video_pt: int = 102
    audio_pt: int = 111
    force_transcode: bool = False
    instant_start: str = "gop"  # what who joins gets at once: one of INSTANT_STARTS
    vp8: str = "auto"


@dataclass(frozen=True, slots=True)
class ProcessConfig:
    """One process. ``stale_timeout_seconds`` 0 means never stale."""

    id: ProcessId
    input: tuple[ConfigIO, ...]
    output: tuple[ConfigIO, ...]
    reference: str = ""
    options: tuple[str, ...] = ()
    reconnect: bool = False
    reconnect_delay_seconds: int = 0
    autostart: bool = True
    stale_timeout_seconds: int = 0
    limits: ConfigLimits = field(default_factory=ConfigLimits)
    webrtc: ConfigWebRTC = field(default_factory=ConfigWebRTC)


def validate(config: ProcessConfig) -> None:
    """Raise InvalidError if no process could be like this; its details name every place.

    What FFmpeg may read, write and be told is for ``daemon.restream.policy``.
    """
    if not config.id.strip():
        raise InvalidError("an empty ID is not allowed")
    if not config.input or not config.output:
        raise InvalidError("At least one input and one output need to be defined")
    problems = [
        *_check_id("process ID", config.id),
        *_check_sizes(config),
        *_check_ids("input", config.id, config.input),
        *_check_ids("output", config.id, config.output),
        *_check_limits(config.limits),
        *_check_webrtc(config.webrtc),
    ]
    if problems:
        raise InvalidError("Invalid process config", details=problems)


def input_arguments(config: ProcessConfig) -> list[str]:
    """Build everything from the first input's options to the last ``-i ADDRESS``."""
    return [
        argument
        for element in config.input
        for argument in (*element.options, "-i", element.address)
    ]


def command(config: ProcessConfig) -> list[str]:
    """Build FFmpeg's arguments: options, inputs, outputs; nothing is added."""
    outputs = [
        argument
        for element in config.output
        for argument in (*element.options, element.address)
    ]
    return [*config.options, *input_arguments(config), *outputs]


def _check_id(what: str, text: str) -> Iterator[str]:
    """Clients use ``:`` and may use ``/``, blanks and any alphabet, so few things are wrong."""
    if not text.strip():
        yield f"the {what} is empty"
        return
    name = text if len(text) <= MAX_ID else f"{text[:MAX_ID]}..."
    if len(text) > MAX_ID:
        yield f"the {what} '{name}' is longer than {MAX_ID} characters"
    if text != text.strip():
        yield f"the {what} '{name}' begins or ends with a blank"
    if not text.isprintable():
        yield f"the {what} {name!a} has a character that can't be printed"
    if text in {".", ".."}:
        yield f"the {what} '{name}' is not allowed"


def _check_ids(kind: str, process_id: str, elements: tuple[ConfigIO, ...]) -> Iterator[str]:
    seen: set[str] = set()
    for element in elements:
        yield from _check_id(f"{kind} ID of the process '{process_id}'", element.id)
        if element.id in seen:
            yield (
                f"the {kind} ID '{element.id}' is already in use for the process '{process_id}'"
            )
        seen.add(element.id)
        yield from _check_cleanup(element)


def _check_cleanup(element: ConfigIO) -> Iterator[str]:
    if any(rule.max_files < 0 or rule.max_file_age_seconds < 0 for rule in element.cleanup):
        yield f"a cleanup rule of the output '{element.id}' has a negative number"


def _check_sizes(config: ProcessConfig) -> Iterator[str]:
    if len(config.reference.encode("utf-8", "replace")) > MAX_REFERENCE_BYTES:
        yield f"the reference is longer than {MAX_REFERENCE_BYTES} bytes"
    if config.reconnect_delay_seconds < 0:
        yield "reconnect_delay_seconds is negative"
    if config.stale_timeout_seconds < 0:
        yield "stale_timeout_seconds is negative"


def _check_limits(limits: ConfigLimits) -> Iterator[str]:
    if not 0 <= limits.cpu_usage <= 100:  # NaN is refused too
        yield "limits.cpu_usage is not between 0 and 100 percent of the whole machine"
    if limits.memory_bytes < 0:
        yield "limits.memory_mbytes is negative"
    if limits.waitfor_seconds < 0:
        yield "limits.waitfor_seconds is negative"


def _check_webrtc(webrtc: ConfigWebRTC) -> Iterator[str]:
    for name, value in (("video_pt", webrtc.video_pt), ("audio_pt", webrtc.audio_pt)):
        if not 0 <= value <= 127:
            yield f"webrtc.{name} is not between 0 and 127"
        elif value in RTCP_TYPES:
            yield f"webrtc.{name} is between 64 and 95, which RTCP uses"
    if webrtc.instant_start not in INSTANT_STARTS:
        yield f"webrtc.instant_start is none of {', '.join(INSTANT_STARTS)}"
    if webrtc.vp8 not in {"auto", "off"}:
        yield "webrtc.vp8 is neither auto nor off"
    if webrtc.video_pt == webrtc.audio_pt:
        yield "webrtc.video_pt and webrtc.audio_pt are the same"


def words(config: ProcessConfig) -> ProcessConfig:
    """Give the config with only what FFmpeg is told by the one who wrote it."""
    return replace(shape(config), webrtc=ConfigWebRTC())


def shape(config: ProcessConfig) -> ProcessConfig:
    """Give the config without what can change under a running FFmpeg."""
    return replace(
        config,
        output=tuple(replace(output, cleanup=()) for output in config.output),
        input=tuple(replace(element, cleanup=()) for element in config.input),
        reconnect=False,
        reconnect_delay_seconds=0,
        autostart=True,
        stale_timeout_seconds=0,
        limits=ConfigLimits(),
    )
