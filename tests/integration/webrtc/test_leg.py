"""One leg and what comes to it."""

import socket
import struct
import time
from pathlib import Path

import pytest

from daemon.webrtc import leg as legs


def test_where_nobody_tells_the_owner_of_a_port_media_come_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(legs, "UDP_TABLE", tmp_path)  # no table, and not missing either
    leg = legs.Leg("video", 96)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ffmpeg:
        address = leg.begin_run()
        ffmpeg.bind(("127.0.0.1", address.source_port))
        header = struct.pack("!BBHII", 0x80, 96, 1, 0, address.ssrc)
        ffmpeg.sendto(header + b"media", ("127.0.0.1", address.port))
        packets, _ = leg.receive(time.monotonic())
    leg.close()
    assert [packet.payload for packet in packets] == [b"media"]
    assert leg.dropped == {}
