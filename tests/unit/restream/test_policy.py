"""What a process may read, write and be told."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import InvalidError
from daemon.restream.config import ConfigIO, ProcessConfig, ProcessId
from daemon.restream.policy import RW_TIMEOUT_MICROSECONDS, Policy, apply, pairs

RW_TIMEOUT = ("-rw_timeout", str(RW_TIMEOUT_MICROSECONDS))


def process(
    source: str = "a.mp4",
    target: str = "-",
    *,
    options: Sequence[str] = (),
    input_options: Sequence[str] = (),
    output_options: Sequence[str] = (),
) -> ProcessConfig:
    return ProcessConfig(
        id=ProcessId("cam"),
        options=tuple(options),
        input=(ConfigIO("in", source, tuple(input_options)),),
        output=(ConfigIO("out", target, tuple(output_options)),),
    )


def refusal(config: ProcessConfig, policy: Policy | None = None) -> str:
    with pytest.raises(InvalidError, match="Invalid process config") as caught:
        apply(config, policy)
    [problem] = caught.value.details
    return problem


def added(source: str, *options: str) -> tuple[str, ...]:
    applied = apply(process(source, input_options=options)).input[0].options
    assert applied[: len(options)] == options
    return applied[len(options) :]


@pytest.mark.parametrize(
    ("source", "whitelist"),
    [
        ("rtsp://camera/1", "rtsp,rtp,srtp,udp,tcp,tls,http,https,httpproxy,crypto"),
        ("udp://239.0.0.1:5000?a=b", "udp"),
        ("srt://:6000?mode=listener", "srt"),
        ("file:/data/a.mp4", "file,crypto,data"),
        ("/data/a.mp4", "file,crypto,data"),
    ],
)
def test_an_input_stays_with_the_protocols_of_its_scheme(source: str, whitelist: str) -> None:
    assert added(source)[:2] == ("-protocol_whitelist", whitelist)


@pytest.mark.parametrize("scheme", ["http", "https", "rtmp", "rtmps", "tcp", "tls", "HTTP"])
def test_a_silent_server_does_not_hold_a_connection_for_ever(scheme: str) -> None:
    assert added(f"{scheme}://host/live")[2:] == RW_TIMEOUT


@pytest.mark.parametrize("scheme", ["rtsp", "rtsps", "RTSP"])
def test_a_silent_camera_does_not_either(scheme: str) -> None:
    assert added(f"{scheme}://host/live")[2:] == ("-timeout", RW_TIMEOUT[1])


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("udp://239.0.0.1:5000", ()),
        ("srt://:6000?mode=listener", ()),
        ("rtsp://:8554/live", ("-rtsp_flags", "listen")),
        ("rtsp://host/live", ("-timeout", "5000000")),
        ("rtsp://host/live", ("-stimeout", "5000000")),
        ("film.mp4", ()),
    ],
)
def test_where_silence_is_normal_or_the_user_said_how_long_nothing_is_added(
    source: str, options: tuple[str, ...]
) -> None:
    assert not set(added(source, *options)) & {"-timeout", "-rw_timeout"}


def test_what_the_user_set_is_kept() -> None:
    assert added("http://host/a", "-protocol_whitelist", "http", "-timeout", "5") == ()
    assert added("rtmp://host/a", "-rw_timeout", "1") == ("-protocol_whitelist", "rtmp,tcp")
    assert added("rtmp://:1935/a", "-listen", "1") == ("-protocol_whitelist", "rtmp,tcp")
    assert added("tcp://:1935?listen") == ("-protocol_whitelist", "tcp")


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("testsrc2=size=320x240", ("-f", "lavfi")),
        ("/dev/video0", ("-f", "v4l2")),
        ("concat:a.ts|b.ts", ()),
        ("ipfs://abc", ()),
    ],
)
def test_devices_and_unknown_schemes_get_nothing(source: str, options: tuple[str, ...]) -> None:
    assert added(source, *options) == ()


def test_nothing_else_changes() -> None:
    config = process(
        "rtsp://c/1",
        "rtmp://h/x",
        options=("-loglevel", "level+info", "-y"),
        output_options=("-map", "0:v", "-c", "copy", "-f", "flv"),
    )
    applied = apply(config)
    assert (applied.id, applied.options, applied.output) == (
        *(config.id, config.options, config.output),
    )


@pytest.mark.parametrize(
    "options",
    [
        ("-re", "-fflags", "+genpts", "-stream_loop", "-1"),
        ("-an", "-nostdin", "-nostats", "-stats", "-hide_banner", "-noautorotate"),
        ("-headers", "X-A: b\r\nX-C: d\r\n"),
        ("-map", "-0:s", "-metadata", "title="),
        ("-copyinkf:v", "-c:v", "copy"),
        (),
    ],
)
def test_options_of_existing_clients_are_good(options: tuple[str, ...]) -> None:
    apply(process(options=options, input_options=options, output_options=options))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("/tmp/evil.mp4",), "no option, so FFmpeg would write to it"),
        (("-re", "/tmp/evil.mp4"), "no option"),
        (("-c", "copy", "/tmp/evil.mp4"), "no option"),
        (("-noautorotate", "x"), "no option"),
        (("-autorotate", "x"), "no option"),
        (("-",), "no option"),
        (("--", "x"), "no option"),
        (("",), "no option"),
        (("-i", "/etc/passwd"), "-i is not allowed"),
        (("-progress", "http://evil"), "-progress is not allowed"),
        (("-f",), "-f needs a value"),
        (("-re", "-metadata"), "-metadata needs a value"),
        (("-c\0", "copy"), "NUL"),
        (("-c", "co\0py"), "NUL"),
        (("-c", "\ud800"), "Unicode"),
    ],
)
@pytest.mark.parametrize("place", ["options", "input_options", "output_options"])
def test_options_cannot_smuggle_in_files(
    place: str, options: tuple[str, ...], reason: str
) -> None:
    config = {
        "options": lambda: process(options=options),
        "input_options": lambda: process(input_options=options),
        "output_options": lambda: process(output_options=options),
    }[place]()
    where = {
        "options": "the options for '#cam' are invalid: ",
        "input_options": "the options for input '#cam:in' are invalid: ",
        "output_options": "the options for output '#cam:out' are invalid: ",
    }[place]
    problem = refusal(config)
    assert problem.startswith(where)
    assert reason in problem


@given(
    st.lists(st.sampled_from(["-re", "-c", "copy", "-i", "x", "-", "", "-y", "-map", "0:v"]))
)
def test_accepted_options_have_no_word_to_spare(options: list[str]) -> None:
    """Whatever passes is made of flags and of options with one value each."""
    try:
        found = list(pairs(options))
    except InvalidError:
        return
    flat: list[str] = []
    for name, value in found:
        flat += [f"-{name}"] if value is None else [f"-{name}", value]
    assert [option.partition(":")[0] for option in flat[::1]] == [
        option.partition(":")[0] for option in options
    ]
    assert "-i" not in {f"-{name}" for name, _ in found}


@pytest.mark.parametrize("address", ["", "  ", "a\0b", "a\nb", "a\rb", "\udfff"])
def test_impossible_addresses_name_their_place(address: str) -> None:
    start = "the address for {} is invalid: "
    assert refusal(process(address)).startswith(start.format("input '#cam:in'"))
    assert refusal(process(target=address)).startswith(start.format("output '#cam:out'"))


def test_an_address_that_is_an_option_is_refused() -> None:
    assert "for an option" in refusal(process(target="-y"))


@pytest.mark.parametrize("address", ["http://[::1", "rtsp://a]b/"])
def test_a_broken_url_is_refused(address: str) -> None:
    assert "no URL" in refusal(process(address))
    assert "no URL" in refusal(process(target=address))


@pytest.mark.parametrize("address", ["pipe:3", "pipe:0x3", "fd:3", "PIPE:3"])
def test_the_daemons_own_pipes_cannot_be_written_to(address: str) -> None:
    assert "standard output" in refusal(process(target=address))


@pytest.mark.parametrize("address", ["-", "pipe:", "pipe:1"])
def test_standard_output_can(address: str, tmp_path: Path) -> None:
    config = process(target=address)
    assert apply(config, Policy(disk_dir=tmp_path)).output == config.output


def test_all_problems_are_told_at_once() -> None:
    config = process("", "", options=("x",))
    with pytest.raises(InvalidError) as caught:
        apply(config)
    assert len(caught.value.details) == 3


def test_block_comes_before_allow_and_sees_any_case() -> None:
    policy = Policy(
        input_allow=(re.compile("^(rtsp|http)://"),),
        input_block=(re.compile("^http://evil"),),
    )
    assert "not allowed" in refusal(process("rtmp://x/y"), policy)
    assert "blocked" in refusal(process("http://evil/x"), policy)
    assert "blocked" in refusal(process("HTTP://evil/x"), policy)
    apply(process("RTSP://camera/1"), policy)


def test_standard_output_needs_to_be_allowed_too() -> None:
    policy = Policy(output_allow=(re.compile("^rtmp://"),))
    assert "not allowed" in refusal(process(target="-"), policy)
    apply(process(target="-"), Policy(output_allow=(re.compile("^pipe:"),)))


def test_files_are_written_below_the_disk_directory_only(tmp_path: Path) -> None:
    root = tmp_path / "data"
    (tmp_path / "dataEVIL").mkdir()
    root.mkdir()
    (root / "out").symlink_to(tmp_path)
    policy = Policy(disk_dir=root)
    for good in (
        f"{root}/a/b.mp4",
        "a/b.mp4",
        f"file:{root}/a/b.mp4",
        f"file://{root}/a/b.mp4",
    ):
        assert apply(process(target=good), policy).output[0].address == f"{root}/a/b.mp4"
    for bad in (
        *(f"{root}/../dataEVIL/x", f"{root}EVIL/x", "/etc/passwd", "../x", f"{root}/out/x"),
        *("file:/etc/passwd", "file:../x", "FILE:/etc/passwd", "/dev/../etc/passwd"),
    ):
        assert f"is not inside of {root}" in refusal(process(target=bad), policy), bad
    for device in ("/dev/null", "/dev/video0"):
        assert apply(process(target=device), policy).output[0].address == device


@pytest.mark.parametrize("address", ["udp:host:1", "tee:/etc/x", "concat:/etc/x", "md5:/etc/x"])
def test_a_scheme_without_slashes_is_no_way_around(address: str, tmp_path: Path) -> None:
    assert "a URL needs ://" in refusal(process(target=address), Policy(disk_dir=tmp_path))


def test_every_part_of_a_tee_is_checked(tmp_path: Path) -> None:
    policy = Policy(disk_dir=tmp_path)
    good = f"[f=hls:var=a]{tmp_path}/x.m3u8|[f=flv]rtmp://127.0.0.1/live/x"
    assert apply(process(target=good), policy).output[0].address == good
    for bad in ("/etc/passwd", "[f=flv]/etc/passwd", r"\/etc/passwd", " /etc/passwd"):
        assert "not inside of" in refusal(process(target=f"{good}|{bad}"), policy)
    assert "absolute" in refusal(process(target=f"{good}|x.mp4"), policy)
    assert "it is empty" in refusal(process(target=f"{good}|"), policy)


@pytest.mark.parametrize("text", ["{rtmp,name=x}", "[f=flv]{rtmp^:,name=x}|-", "{srt}"])
def test_a_server_that_is_not_there_is_said(text: str) -> None:
    assert "there is no " in refusal(process(target=text))
    assert "there is no " in refusal(process(text))
