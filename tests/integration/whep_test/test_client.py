"""The whole client against a real WHEP server over loopback, and against its bad relatives."""

import asyncio
import gc
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from dragonctl.whep_test import Options, Report, Verdict, run, transport
from tests.fakes.whep_server import HEIGHT, WIDTH, Behaviour, FakeWhepServer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("patience")]
DEADLINE = 90.0
SDP = {"Content-Type": "application/sdp"}
JSON = {"Content-Type": "application/json"}
Change = float | int | str | bool | Path | None


async def watch(server: FakeWhepServer, **changes: Change) -> Report:
    values: dict[str, Change] = {"duration": 0.8, "timeout": 20.0, **changes}
    async with asyncio.timeout(DEADLINE):
        return await run(Options(server.url, **values))  # type: ignore[arg-type]


def codes(report: Report) -> set[str]:
    return {reason.code for reason in report.reasons}


def unmet(report: Report) -> set[str]:
    return {check.id for check in report.checks if not check.is_met}


async def test_a_good_h264_server_is_good_in_every_number() -> None:
    async with FakeWhepServer() as server:
        report = await watch(server, duration=1.5)
    [viewer] = report.viewers
    assert report.verdict is Verdict.GOOD, report.reasons
    assert unmet(report) == set()
    assert (viewer.http_status, viewer.delete_status) == (201, 200)
    assert server.deleted == ["s0"]
    assert viewer.video is not None
    assert viewer.video.codec == "H264"
    assert "profile-level-id=42" in viewer.video.fmtp
    assert viewer.video.profile_sent.startswith("42")
    assert (viewer.video.lost, viewer.video.key_frames > 0) == (0, True)
    assert viewer.audio is not None
    assert (viewer.audio.codec, viewer.audio.lost) == ("opus", 0)
    assert viewer.audio.bitrate_bits > 10_000
    assert viewer.srtp_profile.startswith("SRTP_A")


async def test_an_instant_start_fits_into_the_receive_buffer() -> None:
    peer = transport.open_peer()
    try:
        await transport.gather(peer, needs_loopback=True)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 30)
            most = plain.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        for sock in transport.sockets(peer):
            size = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
            assert size >= min(most, transport.RECEIVE_BUFFER)
    finally:
        await transport.close_peer(peer)


async def test_a_good_servers_picture_and_sound_are_measured() -> None:
    async with FakeWhepServer() as server:
        report = await watch(server, duration=1.5)
    [viewer] = report.viewers
    assert viewer.picture is not None
    assert (viewer.picture.width, viewer.picture.height) == (WIDTH, HEIGHT)
    assert not viewer.picture.black
    assert viewer.picture.pictures > 3
    assert viewer.sound is not None
    assert -20.0 < viewer.sound.peak_dbfs < -8.0
    assert not viewer.sound.silent
    assert viewer.av_offset_ms is not None
    assert abs(viewer.av_offset_ms) < 1000


async def test_moments_come_in_order() -> None:
    async with FakeWhepServer() as server:
        [viewer] = (await watch(server)).viewers
    moments = [viewer.answer_ms, viewer.ice_ms, viewer.dtls_ms, viewer.first_picture_ms]
    reached = [moment for moment in moments if moment is not None]
    assert len(reached) == 4
    assert reached == sorted(reached)
    assert viewer.first_video_rtp_ms is not None
    assert reached[2] <= viewer.first_video_rtp_ms <= reached[3]
    states = [(change.what, change.state) for change in viewer.states]
    assert ("ice", "completed") in states
    assert states[-1] == ("dtls", "connected")


async def test_vp8_is_watched_too() -> None:
    async with FakeWhepServer(Behaviour(codec="VP8")) as server:
        report = await watch(server)
    assert report.verdict is Verdict.GOOD, report.reasons
    assert report.viewers[0].video is not None
    assert report.viewers[0].video.codec == "VP8"
    assert report.viewers[0].video.key_frames > 0


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (Behaviour(picture="black"), "video-black"),
        (Behaviour(sound="silent"), "audio-silent"),
        (Behaviour(lost_one_in=7), "packet-loss"),
    ],
)
async def test_bad_media_is_named(behaviour: Behaviour, code: str) -> None:
    async with FakeWhepServer(behaviour) as server:
        # with packets lost there may be no picture at all to wait for
        report = await watch(server, duration=1.2, timeout=4.0)
    assert report.verdict is Verdict.BAD
    assert code in codes(report)
    assert server.deleted == ["s0"]


async def test_a_frozen_picture_is_told_from_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dragonctl.whep_test.verdict.FREEZE_LIMIT_MS", 1000)
    async with FakeWhepServer(Behaviour(picture="frozen")) as server:
        report = await watch(server, duration=1.2)
    assert codes(report) == {"video-frozen"}
    assert "did not change" in report.reasons[0].text
    picture = report.viewers[0].picture
    assert picture is not None
    assert picture.longest_freeze_kind == "unchanged"
    assert picture.longest_freeze_ms > 1000


def only(address: str) -> Callable[[str], str]:
    def keep(answer: str) -> str:
        lines = answer.splitlines(keepends=True)
        return "".join(
            line
            for line in lines
            if not line.startswith("a=candidate") or f" {address} " in line
        )

    return keep


ABSENT = {
    "no-rtp": Behaviour(picture="none", sound="none"),
    "no-video-rtp": Behaviour(picture="none"),
    "no-audio-rtp": Behaviour(sound="none"),
    "no-key-frame": Behaviour(has_key_frames=False),
    "ice-timeout": Behaviour(is_unreachable=True),
    "http-timeout": Behaviour(is_hanging=True),
    # the server's own checks would find us, so it must not know where we are
    "no-candidates": Behaviour(is_unreachable=True, mangle=only("nowhere")),
}


async def test_what_does_not_come_is_named() -> None:
    """All at once, since each takes as long as it waits: long enough for a slow machine."""

    async def look(behaviour: Behaviour) -> tuple[Report, list[str]]:
        async with FakeWhepServer(behaviour) as server:
            return await watch(server, timeout=4.0), server.deleted

    async with asyncio.TaskGroup() as group:
        tasks = {code: group.create_task(look(one)) for code, one in ABSENT.items()}
    for code, task in tasks.items():
        report, deleted = task.result()
        assert report.verdict is Verdict.BAD, code
        assert code in codes(report)
        assert deleted == ([] if code == "http-timeout" else ["s0"])
    reached, _ = tasks["ice-timeout"].result()
    assert "127.0.0.1:9/udp; check firewall and public_ip" in reached.reasons[0].text


async def test_nobody_listening_is_unreachable() -> None:
    async with FakeWhepServer() as server:
        pass
    report = await watch(server)
    assert codes(report) == {"unreachable"}
    assert report.checks == []


@pytest.mark.parametrize("kind", ["video", "audio"])
async def test_a_rejected_section_leaves_the_other_one(kind: str) -> None:
    async with FakeWhepServer(Behaviour(rejects=kind)) as server:
        report = await watch(server)
    assert report.verdict is Verdict.GOOD, report.reasons
    assert (report.viewers[0].video is None) == (kind == "video")
    assert (report.viewers[0].audio is None) == (kind == "audio")


async def test_a_token_opens_and_its_lack_is_named() -> None:
    async with FakeWhepServer(Behaviour(token="letmein")) as server:
        closed = await watch(server)
        opened = await watch(server, token="letmein")
    assert codes(closed) == {"unauthorized"}
    assert closed.viewers[0].http_status == 401
    assert opened.verdict is Verdict.GOOD, opened.reasons
    [deletion] = [request for request in server.requests if request.method == "DELETE"]
    assert deletion.headers["authorization"] == "Bearer letmein"


@pytest.mark.parametrize(
    ("status", "headers", "body", "code", "words"),
    [
        (
            404,
            {"Content-Type": "application/problem+json"},
            '{"title": "no process x"}',
            "not-found",
            "no process x",
        ),
        (422, JSON, '{"error": "no BUNDLE"}', "offer-refused", "no BUNDLE"),
        (406, {**SDP, "Location": "/session/x"}, "v=0", "counter-offer", "not supported"),
        (302, {"Location": "/other"}, "", "bad-redirect", "307 and 308"),
        (201, SDP, "<html>", "bad-answer", "is not SDP"),
        (201, SDP, "v" * 300_000, "bad-answer", "longer than"),
    ],
)
async def test_refusals_say_why(
    status: int, headers: dict[str, str], body: str, code: str, words: str
) -> None:
    async with FakeWhepServer(Behaviour(refusal=(status, headers, body))) as server:
        report = await watch(server)
    assert codes(report) == {code}
    assert words in report.reasons[0].text
    assert server.deleted == (["x"] if status == 406 else [])


async def test_faithful_redirects_are_followed_and_circles_are_not() -> None:
    async with FakeWhepServer(Behaviour(redirects=(307, 308))) as server:
        good = await watch(server)
    async with FakeWhepServer(Behaviour(redirects=(307,) * 9)) as server:
        circle = await watch(server)
    assert good.verdict is Verdict.GOOD, good.reasons
    assert {check.id for check in good.checks} >= {"post-redirect"}
    assert codes(circle) == {"bad-redirect"}
    assert len(server.posts()) == 6


async def test_a_redirect_elsewhere_gets_no_credentials() -> None:
    async with FakeWhepServer() as elsewhere:
        away = Behaviour(refusal=(307, {"Location": elsewhere.url}, ""))
        async with FakeWhepServer(away) as server:
            report = await watch(server, token="s3cret")
    assert report.verdict is Verdict.GOOD, report.reasons
    assert server.posts()[0].headers["authorization"] == "Bearer s3cret"
    assert elsewhere.deleted == ["s0"]
    assert all("authorization" not in request.headers for request in elsewhere.requests)


async def test_protocol_faults_are_notes_and_strict_makes_them_reasons() -> None:
    careless = Behaviour(content_type="text/plain", location="none")
    async with FakeWhepServer(careless) as server:
        lenient = await watch(server)
        strict = await watch(server, strict=True)
    assert lenient.verdict is Verdict.GOOD, lenient.reasons
    assert unmet(lenient) == {"post-ctype", "post-location"}
    assert codes(strict) == {"post-ctype", "post-location"}
    assert {"options-accept-post", "get-2xx", "head-ctype"} <= {c.id for c in strict.checks}


async def test_an_absolute_location_is_deleted() -> None:
    async with FakeWhepServer(Behaviour(location="absolute")) as server:
        await watch(server, duration=0.1)
    assert server.deleted == ["s0"]


async def test_a_server_that_leaves_is_caught_at_it() -> None:
    async with FakeWhepServer(Behaviour(ends_after=0.5)) as server:
        report = await watch(server, duration=60.0)
    assert "server-ended" in codes(report)
    text = report.reasons[0].text
    assert re.match(r"server ended the session after \d+\.\d s", text)
    assert "DTLS closed" in text
    assert report.viewers[0].watched_seconds < 30


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_server_on_loopback_only_is_reached(address: str) -> None:
    if address == "::1" and not has_ipv6():
        pytest.skip("this machine has no IPv6 loopback")
    async with FakeWhepServer(Behaviour(mangle=only(address))) as server:
        report = await watch(server, duration=0.4)
    assert report.verdict is Verdict.GOOD, report.reasons


async def test_viewers_are_independent_and_summed_up() -> None:
    async with FakeWhepServer() as server:
        report = await watch(server, viewers=3, duration=0.5)
    assert report.verdict is Verdict.GOOD, report.reasons
    assert [viewer.number for viewer in report.viewers] == [1, 2, 3]
    assert sorted(server.deleted) == ["s0", "s1", "s2"]
    assert report.summary["first_picture_ms"].count == 3


async def test_the_rest_of_a_crowd_counts_without_decoding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dragonctl.whep_test.client.DECODING_VIEWERS", 1)
    async with FakeWhepServer() as server:
        report = await watch(server, viewers=2, duration=0.5)
    assert report.verdict is Verdict.GOOD, report.reasons
    first, second = report.viewers
    assert (first.is_decoded, second.is_decoded) == (True, False)
    assert second.picture is None
    assert second.video is not None
    assert second.video.packets > 3


async def test_a_picture_is_saved_as_png(tmp_path: Path) -> None:
    path = tmp_path / "frame.png"
    async with FakeWhepServer() as server:
        report = await watch(server, save=path, duration=1.3)
    assert report.saved == str(path)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height) == (WIDTH, HEIGHT)


async def test_a_picture_that_cannot_be_saved_is_a_reason(tmp_path: Path) -> None:
    async with FakeWhepServer() as server:
        report = await watch(server, save=tmp_path / "no" / "frame.png", duration=0.1)
    assert codes(report) == {"save-failed"}
    assert report.saved is None


async def test_a_cancelled_test_deletes_its_session() -> None:
    async with FakeWhepServer() as server, asyncio.timeout(DEADLINE):
        async with asyncio.TaskGroup() as group:
            test = group.create_task(run(Options(server.url, duration=60.0)))
            await server.has_connected.wait()
            test.cancel()
        assert test.cancelled()
        assert server.deleted == ["s0"]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_nothing_leaks() -> None:
    """Tasks, threads and files are as before, after good and bad ends."""
    tasks, threads = asyncio.all_tasks(), threading.active_count()
    gc.collect()
    files = open_files()
    for behaviour in (
        Behaviour(),
        Behaviour(ends_after=0.1),
        Behaviour(is_unreachable=True),
        Behaviour(refusal=(404, {}, "")),
    ):
        async with FakeWhepServer(behaviour) as server:
            await watch(server, duration=0.3, timeout=0.5)
    left = asyncio.all_tasks() - tasks
    if left:  # aiortc's own tasks need some turns to end
        _, left = await asyncio.wait(left, timeout=30)
    assert not left
    gc.collect()
    workers = 8  # of the loop's own pool, which the fake encodes on
    assert threading.active_count() <= threads + workers
    assert not [t for t in threading.enumerate() if t.name.endswith("-decoder")]
    assert open_files() == files
