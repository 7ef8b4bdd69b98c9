"""No secret reaches a screen."""

import pytest

from dragonctl.mask import mask, mask_arguments, mask_config


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("rtsp://user:hunter2@host:554/1", "rtsp://***@host:554/1"),
        ("rtsp://us@er:hunter2@host/1", "rtsp://***@host/1"),
        ("https://host/x?token=hunter2&a=1", "https://host/x?token=***&a=1"),
        ("srt://host:6000?mode=caller&passphrase=hunter2", "srt://host:6000?mode=caller&passphrase=***"),
        ("srt://h?streamid=cam,token:hunter2", "srt://h?streamid=***"),
        ("rtmp://live.example/app/hunter2", "rtmp://live.example/app/***"),
        ("rtmps://live.example:443/a/b/hunter2?x=1", "rtmps://live.example:443/a/b/***?x=1"),
        ("[f=flv]rtmp://h/a/hunter2|[f=hls]x.m3u8", "[f=flv]rtmp://h/a/***|[f=hls]x.m3u8"),
        ("rtsp://host/1?width=3", "rtsp://host/1?width=3"),
        ("testsrc2=size=1280x720:rate=25", "testsrc2=size=1280x720:rate=25"),
        ("-", "-"),
    ],
)  # fmt: skip
def test_addresses_lose_what_lets_somebody_in(words: str, shown: str) -> None:
    assert mask(words) == shown


def test_the_option_before_a_secret_gives_it_away() -> None:
    told = ["-headers", "Authorization: x", "-passphrase", "hunter2", "-t", "5"]
    assert mask_arguments(told) == ["-headers", "***", "-passphrase", "***", "-t", "5"]


def test_a_config_is_masked_wherever_it_is_deep() -> None:
    config = {
        "input": [{"address": "rtsp://a:b@c/d", "options": ["-cryptokey", "k", "-re"]}],
        "reconnect": True,
        "limits": {"cpu_usage": 1.5},
    }
    assert mask_config(config) == {
        "input": [{"address": "rtsp://***@c/d", "options": ["-cryptokey", "***", "-re"]}],
        "reconnect": True,
        "limits": {"cpu_usage": 1.5},
    }
