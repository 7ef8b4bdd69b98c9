"""Addresses as FFmpeg understands them."""

from pathlib import Path

import pytest

from daemon.restream import address


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("RTSP://camera/1", "rtsp"),
        ("hls+http://host/a.m3u8", "hls"),
        ("udp:host:1", "udp"),
        ("/data/a:b.mp4", ""),
        ("testsrc2=size=1x1:rate=25", ""),
        ("-", ""),
    ],
)
def test_the_scheme_is_what_ffmpeg_takes_it_for(text: str, scheme: str) -> None:
    assert address.scheme(text) == scheme


@pytest.mark.parametrize(
    ("text", "form"),
    [("-", "pipe:"), ("HTTP://Host/A", "http://Host/A"), ("/dev/null", "file:/dev/null")],
)
def test_lists_see_one_form(text: str, form: str) -> None:
    assert address.normalise(text) == form


def test_tee_parts_lose_their_options_and_one_escaping() -> None:
    parts = address.tee_parts(r"[f=hls:x=a]/a.m3u8| [f=flv]rtmp\://h/x\|y|/b.ts")
    assert parts == ["/a.m3u8", "rtmp://h/x|y", "/b.ts"]


def test_a_path_with_links_is_followed_to_its_end(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "real").mkdir()
    (root / "link").symlink_to(root / "real")
    assert address.place_file("link/x.ts", root) == str(root / "real" / "x.ts")
