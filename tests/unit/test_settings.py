"""What the configuration means to the rooms."""

from dataclasses import replace

import pytest

from daemon.config import Config
from daemon.restream.config import ConfigIO, ProcessConfig, ProcessId
from daemon.settings import needs_start, uses_memory

PLAIN = ProcessConfig(
    ProcessId("cam"), (ConfigIO("in", "rtsp://camera/1"),), (ConfigIO("out", "-"),)
)


@pytest.mark.parametrize(
    "output",
    [
        ConfigIO("out", "{memfs}/cam.m3u8"),
        ConfigIO("out", "[f=hls]{memfs^:}/cam.m3u8|[f=flv]{rtmp,name=x}"),
        ConfigIO("out", "{fs:mem}/cam.jpg"),
        ConfigIO("out", "-", ("-hls_segment_filename", "{memfs}/%d.ts")),
    ],
)
def test_who_writes_to_memory_hears_of_its_new_address(output: ConfigIO) -> None:
    assert not uses_memory(PLAIN)
    assert uses_memory(replace(PLAIN, output=(output,)))


def test_only_four_keys_wait_for_the_next_start() -> None:
    old = Config()
    assert needs_start(old, old) == []
    changed = {
        "db": {"dir": "elsewhere"},
        "storage": {"disk": {"dir": "elsewhere", "max_size_mbytes": 5}},
        "ffmpeg": {"binary": "other", "log": {"max_lines": 7}, "max_processes": 3},
        "address": "127.0.0.1:9",
    }
    new = Config.model_validate(changed)
    assert needs_start(old, new) == [
        "db.dir", "storage.disk.dir", "ffmpeg.binary", "ffmpeg.log",
    ]  # fmt: skip
