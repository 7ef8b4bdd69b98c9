"""What a secret looks like, and that it never comes out again."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.log import redact


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("open rtsp://user:pw@cam/1 failed", "open rtsp://***@cam/1 failed"),
        ("rtsp://us@er:p@w@cam:554/1", "rtsp://***@cam:554/1"),
        (
            r"[f=hls]http\://u\:p@127.0.0.1\:80/memfs/x",
            r"[f=hls]http\://***@127.0.0.1\:80/memfs/x",
        ),
        ("rtmp://a.example/live2/abcd-efgh", "rtmp://a.example/live2/***"),
        ("rtmps://a.example/live2/abcd/", "rtmps://a.example/live2/***/"),
        ("rtmp://h/abcd?x=1", "rtmp://h/***?x=1"),
        ("[f=flv]rtmp://h/a/b|[f=hls]x", "[f=flv]rtmp://h/a/***|[f=hls]x"),
        ("srt://h:1?passphrase=a,b&latency=20", "srt://h:1?passphrase=***&latency=20"),
        ("srt://h:1?streamid=x,mode:publish,token:T", "srt://h:1?streamid=***"),
        ("http://h/a.m3u8?X-Amz-Signature=abc&b=1", "http://h/a.m3u8?X-Amz-Signature=***&b=1"),
        ("Authorization: Bearer a.b.c", "Authorization: ***"),
        ("-headers 'Authorization: Basic eA==' -i x", "-headers 'Authorization: ***' -i x"),
        ("Set-Cookie: id=5; Secure\r\nX: 1", "Set-Cookie: ***\r\nX: 1"),
        ("got bearer abcdef", "got bearer ***"),
        ("a=ice-pwd:abc+/def\r\na=ice-ufrag:x", "a=ice-pwd:***\r\na=ice-ufrag:x"),
        ("-passphrase 'a b' -f mpegts", "-passphrase *** -f mpegts"),
        ("-encryption_key 00ff -i x", "-encryption_key *** -i x"),
        ('{"password": "a\\"b", "user": "x"}', '{"password": ***, "user": "x"}'),
        ("{'token': 'abc'}", "{'token': ***}"),
        ("DELETE /api/v3/process/cam/whep/Ab3-_defghij", "DELETE /api/v3/process/cam/whep/***"),
        ("got eyJhbGciOi.eyJzdWIi.c2ln back", "got *** back"),
    ],
)
def test_secrets_are_taken_out(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a=fingerprint:sha-256 AA:BB:CC",
        "frame=  250 fps= 25 q=28.0 size=    512kB time=00:00:10.00 bitrate= 419.4kbits/s",
        "[libx264 @ 0x55] keyint=50 min-keyint=5 keyframe=1 force_key_frames",
        "Output #0, hls, to 'http://127.0.0.1:8080/memfs/x.m3u8':",
        "Stream #0:0 -> #0:0 (h264 (native) -> h264 (libx264))",
        "process cam: running, peer 7f3a: connected",
        "config.toml:12: webrtc.udp_mux_port: must be 0 to 65535, not 70000",
        "POST /api/v3/process/cam/whep 201 in 12 ms",
        "udp://127.0.0.1:5000?pkt_size=1200&localport=5001",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


canaries = st.text(alphabet="abcxyzABC0189-_.~+", min_size=8, max_size=40)
places = st.sampled_from(
    [
        "rtsp://admin:{}@cam.example/stream",
        "rtsp://{}@cam.example/stream",
        r"[f=hls]http\\://user\\:{}@127.0.0.1\\:8080/memfs/x.m3u8",
        "rtmp://live.example/app/{}",
        "rtmps://live.example:443/{}?quality=1",
        "srt://h:6000?mode=caller&passphrase={}&latency=20",
        "srt://h:6000?streamid=cam,mode:publish,token:{}",
        "https://h/x.m3u8?token={}",
        "https://h/x.m3u8?a=1&api_key={}&b=2",
        "https://h/x?Expires=1&Signature={}",
        "Authorization: Bearer {}",
        "authorization: Basic {}",
        "Set-Cookie: session={}; HttpOnly",
        "a=ice-ufrag:abcd\r\na=ice-pwd:{}\r\n",
        '{{"username": "admin", "password": "{}"}}',
        "{{'jwt_secret': '{}'}}",
        "password={}",
        "ffmpeg -passphrase {} -i x",
        "ffmpeg -decryption_key {}",
        "DELETE /api/v3/process/x/whep/{}?a=1",
    ]
)
noise = st.text(alphabet="ab :/?&=@'\"\\|[]{}-%\n", max_size=20)


@given(places, canaries, noise, noise)
def test_no_canary_survives_in_any_place(
    place: str, canary: str, before: str, after: str
) -> None:
    if "/whep/" in place:
        canary = "".join(character for character in canary if character not in ".~+") + "A" * 16
    assert canary not in redact(place.format(canary))
    assert canary not in redact(f"{before}\n {place.format(canary)} {after}")


@given(st.text(max_size=300))
def test_any_text_can_be_redacted_twice(text: str) -> None:
    once = redact(text)
    assert redact(once) == redact(redact(once))


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "a=",
        "key=",
        "://",
        "a://",
        "rtmp://a/",
        '"',
        "'",
        "-key ",
        "\\",
        "@",
        "a:",
        "eyJ",
        "/",
        " ",
    ],
)
def test_a_hostile_line_takes_no_longer_than_its_length(piece: str) -> None:
    begin = time.process_time()
    redact(piece * (32_768 // len(piece)))
    assert time.process_time() - begin < 1.0
