"""Placeholders as clients of the original use them."""

from typing import Any

import pytest

from daemon.restream.config import ConfigCleanup, ConfigIO, ProcessConfig, ProcessId
from daemon.restream.placeholders import resolve

VALUES = {
    "diskfs": "/core/data",
    "memfs": "http://u:p%40@127.0.0.1:8080/memfs",
    "fs:disk": "/core/data",
    "fs:mem": "http://127.0.0.1/memfs",
    "rtmp": "rtmp://127.0.0.1:1935/live/{name}?token=T",
    "srt": "srt://127.0.0.1:6000?latency={latency}&streamid={name},mode:{mode},token:T",
}


def resolve_in(place: str, text: str) -> str:
    """Resolve a text in one place of a process."""
    source: dict[str, Any] = {"id": "in", "address": "x", "options": (), "cleanup": ()}
    target: dict[str, Any] = {**source, "id": "out"}
    options: tuple[str, ...] = ()
    kind, _, part = place.partition(".")
    value: Any = text
    if part == "options":
        value = (text,)
    elif part == "cleanup":
        value = (ConfigCleanup(text),)
    if kind == "global":
        options = (text,)
    else:
        (source if kind == "input" else target)[part] = value
    config = ProcessConfig(
        id=ProcessId("cam"),
        reference="ref",
        options=options,
        input=(ConfigIO(**source),),
        output=(ConfigIO(**target),),
    )
    resolved = resolve(config, VALUES)
    if kind == "global":
        return resolved.options[0]
    element = resolved.input[0] if kind == "input" else resolved.output[0]
    if part == "cleanup":
        return element.cleanup[0].pattern
    return element.options[0] if part == "options" else str(getattr(element, part))


@pytest.mark.parametrize(
    ("place", "text", "expected"),
    [
        ("input.address", "{processid}/{reference}/{inputid}", "cam/ref/in"),
        ("input.address", "{outputid}", "{outputid}"),
        ("output.address", "{memfs}/{outputid}.m3u8", f"{VALUES['memfs']}/out.m3u8"),
        ("output.options", "{diskfs}/x_%04d.ts", "/core/data/x_%04d.ts"),
        ("output.id", "{processid}_{reference}", "cam_ref"),
        ("output.id", "{diskfs}", "{diskfs}"),
        ("output.cleanup", "memfs:/{processid}_{outputid}**", "memfs:/cam_out**"),
        ("output.cleanup", "{diskfs}", "{diskfs}"),
        ("global.options", "{diskfs} {fs:mem}", f"/core/data {VALUES['fs:mem']}"),
        ("global.options", "{memfs} {processid}", "{memfs} {processid}"),
        ("output.options", "{rtmp,name=x}", "{rtmp,name=x}"),
        ("output.address", "{fs:nothing}/x", "/x"),
        ("output.address", "{unknown} {UPPER} {} {a b}", "{unknown} {UPPER} {} {a b}"),
    ],
)
def test_each_place_understands_its_own(place: str, text: str, expected: str) -> None:
    assert resolve_in(place, text) == expected


def test_rtmp_takes_its_name_and_its_variables() -> None:
    text = "{rtmp,name=$processid-$outputid%20a.stream}"
    expected = "rtmp://127.0.0.1:1935/live/cam-out a.stream?token=T"
    assert resolve_in("output.address", text) == expected


def test_rtmp_without_a_name_leaves_it_open() -> None:
    assert resolve_in("output.address", "{rtmp}") == VALUES["rtmp"]


def test_srt_publishes_outputs_and_requests_inputs() -> None:
    text = "{srt,name=x,latency=5,mode=ignored}"
    start = "srt://127.0.0.1:6000?latency=5&streamid=x,mode:"
    assert resolve_in("output.address", text) == f"{start}publish,token:T"
    assert resolve_in("input.address", text) == f"{start}request,token:T"
    assert "latency=20000&" in resolve_in("input.address", "{srt,name=x}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{memfs^:}", r"http\\://u\\:p%40@127.0.0.1\\:8080/memfs"),
        ("{memfs^:^@}", "{memfs^:^@}"),
        ("{diskfs^/}", r"\\/core\\/data"),
    ],
)
def test_values_are_escaped_for_nested_options(text: str, expected: str) -> None:
    assert resolve_in("output.options", text) == expected


def test_values_are_not_resolved_again() -> None:
    config = ProcessConfig(
        id=ProcessId("{diskfs}"),
        input=(ConfigIO("i", "{processid}"),),
        output=(ConfigIO("o", "-"),),
    )
    assert resolve(config, VALUES).input[0].address == "{diskfs}"
