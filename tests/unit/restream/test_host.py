"""Names that lead to where no process may go."""

import asyncio
import threading
from collections.abc import Collection
from ipaddress import ip_network

import pytest

from daemon.errors import InvalidError
from daemon.restream.config import ConfigIO, ProcessConfig, ProcessId
from daemon.restream.host import THREADS, Hosts, LookUpError, look_up

REFUSED = (ip_network("169.254.0.0/16"), ip_network("fe80::/10"))
NAMES = {
    "camera": ["10.0.0.7"],
    "metadata.test": ["192.0.2.1", "169.254.169.254"],
    "six.test": ["fe80::1%eth0"],
    "mapped.test": ["::ffff:169.254.1.1"],
}


def process(source: str, target: str = "-", *options: str) -> ProcessConfig:
    return ProcessConfig(
        id=ProcessId("cam"),
        input=(ConfigIO("in", source),),
        output=(ConfigIO("out", target, options),),
    )


def known(host: str) -> Collection[str]:
    return NAMES.get(host, [])


@pytest.mark.parametrize(
    "config",
    [
        process("http://metadata.test/x"),
        process("http://METADATA.test./x"),
        process("rtsp://user:pw@six.test:554/x"),
        process("testsrc", "http://mapped.test/x"),
        process("testsrc", "[f=flv]rtmp://camera/x|[f=flv]rtmp://metadata.test/x"),
        process("testsrc", "-", "-hls_segment_filename", "http://metadata.test/%d.ts"),
    ],
)
@pytest.mark.parametrize("is_strict", [False, True])
async def test_a_name_of_a_refused_network_is_refused(
    config: ProcessConfig, *, is_strict: bool
) -> None:
    with pytest.raises(InvalidError, match="in a network that is refused"):
        await Hosts(known).check(config, REFUSED, is_strict=is_strict)


@pytest.mark.parametrize(
    "source", ["rtsp://camera/1", "rtmp://unknown/x", "a.mp4", "udp://:5000"]
)
async def test_others_and_unknown_names_are_for_ffmpeg(source: str) -> None:
    await Hosts(known).check(process(source), REFUSED, is_strict=True)


async def test_a_number_is_not_looked_up_nor_anything_if_nothing_is_refused() -> None:
    def never(host: str) -> Collection[str]:
        raise AssertionError(host)

    await Hosts(never).check(process("http://127.1/x"), REFUSED)
    await Hosts(never).check(process("http://camera/x"), ())


async def test_a_resolver_that_hangs_lets_changes_pass_and_holds_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("daemon.restream.host.STORE_SECONDS", 0.001)
    monkeypatch.setattr("daemon.restream.host.START_SECONDS", 0.001)
    answers = threading.Event()

    def hang(_: str) -> Collection[str]:
        answers.wait(30)
        return ()

    hosts = Hosts(hang)
    for _ in range(THREADS + 2):  # more than there are threads
        await hosts.check(process("http://camera/x"), REFUSED)
    with pytest.raises(LookUpError, match="camera can't be looked up in time"):
        await hosts.check(process("http://camera/x"), REFUSED, is_strict=True)
    answers.set()
    monkeypatch.setattr("daemon.restream.host.START_SECONDS", 30)
    async with asyncio.timeout(30):
        await hosts.check(process("http://camera/x"), REFUSED, is_strict=True)


def test_the_machine_knows_itself_and_not_everything() -> None:
    assert "127.0.0.1" in look_up("localhost")
    assert look_up("nowhere.invalid.") == ()
    assert look_up("a" * 300) == ()
