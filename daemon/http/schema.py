"""Process configs: JSON <-> domain, in datarhei's names; MiB and *_seconds end here.

A config goes out as its owner wrote it, so that it can be read back; ``display`` has the rest.
"""

import math
import secrets
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from daemon.errors import InvalidError
from daemon.restream.config import (
    ConfigCleanup,
    ConfigIO,
    ConfigLimits,
    ConfigWebRTC,
    ProcessConfig,
    ProcessId,
)

MIB = 1024 * 1024
MAX_ID = 128  # characters
SHORT_ID = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"  # none look alike


def _without_nul(text: str) -> str:
    if "\0" in text:  # exec can't take it, and a C string would end there
        raise ValueError("a NUL character is not allowed")
    return text


Unsigned = Annotated[int, Field(ge=0, le=2**32 - 1)]
PayloadType = Annotated[int, Field(ge=96, le=127)]  # the dynamic range, RFC 3551 section 3
Text = Annotated[str, AfterValidator(_without_nul)]


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class CleanupModel(_Model):
    """A clean-up rule of an output."""

    pattern: Text = ""
    max_files: Unsigned = 0
    max_file_age_seconds: Unsigned = 0
    purge_on_delete: bool = False


class IOModel(_Model):
    """One input or output."""

    id: Text = ""
    address: Text = ""
    options: list[Text] = []
    cleanup: list[CleanupModel] = []


class LimitsModel(_Model):
    """Limits of one process; 0 is none."""

    cpu_usage: Annotated[float, Field(ge=0)] = 0.0
    memory_mbytes: Unsigned = 0
    waitfor_seconds: Unsigned = 0


class WebRTCModel(_Model):
    """WebRTC output of one process."""

    enabled: bool = False
    video_pt: PayloadType = 102
    audio_pt: PayloadType = 111
    force_transcode: bool = False
    instant_start: Literal["off", "keyframe", "gop"] = "gop"
    vp8: Literal["auto", "off"] = "auto"


class ProcessModel(_Model):
    """A process as datarhei's clients write it."""

    id: Text
    type: str = "ffmpeg"
    reference: Text = ""
    input: list[IOModel] = []
    output: list[IOModel] = []
    options: list[Text] = []
    reconnect: bool = False
    reconnect_delay_seconds: Unsigned = 0
    autostart: bool = True
    stale_timeout_seconds: Unsigned = 0
    limits: LimitsModel = LimitsModel()
    webrtc: WebRTCModel = WebRTCModel()


def new_config(body: Any) -> ProcessConfig:
    """Read a POST: what is absent gets its default, the id a random one."""
    given = merge({}, _unwrapped(body))
    if given.get("type", "ffmpeg") != "ffmpeg":
        raise _unsupported_type()
    return _config({"id": short_id()} | given)


def changed_config(stored: ProcessConfig, body: Any) -> ProcessConfig:
    """Read a PUT: laid over the stored config; absent or null keeps, an array replaces."""
    merged = merge(config_json(stored), _unwrapped(body))
    if merged["type"] not in ("", "ffmpeg"):
        raise _unsupported_type()
    return _config(merged)


def merge(stored: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Lay ``given`` over ``stored``; keys count without their case, null is no value."""
    merged = dict(stored)
    for name, value in given.items():
        key = name.lower()
        if isinstance(value, dict):
            before = merged.get(key)
            merged[key] = merge(before if isinstance(before, dict) else {}, value)
        elif isinstance(value, list):
            merged[key] = [
                merge({}, item) if isinstance(item, dict) else item for item in value
            ]
        elif value is not None:
            merged[key] = value
    return merged


def short_id() -> str:
    """Make an id of 22 characters, 128 bits, as datarhei Core makes them."""
    return "".join(secrets.choice(SHORT_ID) for _ in range(22))


def _unwrapped(body: Any) -> dict[str, Any]:
    """Take the config out of ``{"config": {..}}``, the shape that GET answers."""
    if isinstance(body, dict) and isinstance(body.get("config"), dict):
        body = body["config"]
    if not isinstance(body, dict):
        raise InvalidError(
            "Invalid JSON", details=["expected an object"], reason="invalid-json"
        )
    return body


def _unsupported_type() -> InvalidError:
    return InvalidError("Unsupported process type", reason="unsupported-type")


def _config(given: dict[str, Any]) -> ProcessConfig:
    try:
        model = ProcessModel.model_validate(given)
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        ]
        raise InvalidError("Invalid JSON", details=lines, reason="invalid-json") from None
    if not model.input or not model.output:
        raise InvalidError(
            "At least one input and one output need to be defined", reason="no-input-or-output"
        )
    if not model.id.strip() or len(model.id) > MAX_ID:
        why = "an empty ID is not allowed" if not model.id.strip() else "the ID is too long"
        raise InvalidError("Invalid process config", details=[why], reason="invalid-id")
    return _domain(model)


def _domain(model: ProcessModel) -> ProcessConfig:
    return ProcessConfig(
        id=ProcessId(model.id),
        input=tuple(_io(item) for item in model.input),
        output=tuple(_io(item) for item in model.output),
        reference=model.reference,
        options=tuple(model.options),
        reconnect=model.reconnect,
        reconnect_delay_seconds=model.reconnect_delay_seconds,
        autostart=model.autostart,
        stale_timeout_seconds=model.stale_timeout_seconds,
        limits=ConfigLimits(
            cpu_usage=model.limits.cpu_usage,
            memory_bytes=model.limits.memory_mbytes * MIB,
            waitfor_seconds=model.limits.waitfor_seconds,
        ),
        webrtc=ConfigWebRTC(**model.webrtc.model_dump()),
    )


def _io(model: IOModel) -> ConfigIO:
    return ConfigIO(
        id=model.id or short_id(),
        address=model.address,
        options=tuple(model.options),
        cleanup=tuple(ConfigCleanup(**rule.model_dump()) for rule in model.cleanup),
    )


def _webrtc_json(webrtc: ConfigWebRTC) -> dict[str, Any]:
    """Write datarhei's four members; ``vp8``, which is ours, only where it says something."""
    block = asdict(webrtc)
    if block["vp8"] == "auto":
        del block["vp8"]
    return block


def config_json(config: ProcessConfig) -> dict[str, Any]:
    """Write a config: every field, always."""
    return {
        "id": config.id,
        "type": "ffmpeg",
        "reference": config.reference,
        "input": [_io_json(item) for item in config.input],
        "output": [_io_json(item) for item in config.output],
        "options": list(config.options),
        "reconnect": config.reconnect,
        "reconnect_delay_seconds": config.reconnect_delay_seconds,
        "autostart": config.autostart,
        "stale_timeout_seconds": config.stale_timeout_seconds,
        "limits": {
            "cpu_usage": number(config.limits.cpu_usage),
            "memory_mbytes": config.limits.memory_bytes // MIB,
            "waitfor_seconds": config.limits.waitfor_seconds,
        },
        "webrtc": _webrtc_json(config.webrtc),
    }


def _io_json(item: ConfigIO) -> dict[str, Any]:
    fields = {"id": item.id, "address": item.address, "options": list(item.options)}
    if item.cleanup:
        return fields | {"cleanup": [asdict(rule) for rule in item.cleanup]}
    return fields


def number(value: float) -> int | float:
    """Write a number as datarhei does: whole if it is whole, else 3 decimals."""
    rounded = decimal(value)
    return int(rounded) if rounded.is_integer() else rounded


def decimal(value: float) -> float:
    """Write 3 decimals; what is no number is 0, since JSON has no word for it."""
    return round(float(value), 3) if math.isfinite(value) else 0.0
