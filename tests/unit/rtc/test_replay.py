"""Replay: a viewer catches up, and its numbers and timestamps only rise."""

from hypothesis import given
from hypothesis import strategies as st

from daemon.rtc.codecs import NegotiatedTrack
from daemon.rtc.gop import Gop, Start
from daemon.rtc.replay import MAX_CHUNK, MAX_SECONDS, MIN_CHUNK, STEP, Replay
from daemon.rtc.srtp import Outbound, Profile, SessionKeys
from daemon.rtc.timeline import MARKER, Plain
from daemon.rtc.track import OutgoingTrack
from tests.unit.rtc.test_gop import fill, frame

KEYS = SessionKeys(Profile.AEAD_AES_128_GCM, b"k" * 16, b"s" * 12, b"r" * 16, b"t" * 12)
VIDEO = NegotiatedTrack("video", "0", 102, 90_000, "H264", "", ())


def track() -> OutgoingTrack:
    return OutgoingTrack(VIDEO, Outbound(KEYS), ssrc=1, first_sequence=500, timestamp_offset=0)


def run(replay: Replay, last_index: int, now: float = 0.0) -> list[Plain]:
    sent: list[Plain] = []
    while packets := replay.poll(now, last_index):
        assert len(packets) <= MAX_CHUNK
        assert replay.due == now + STEP
        sent += packets
        now = replay.due
    return sent


def test_a_joining_viewer_gets_the_group_squeezed_before_the_present() -> None:
    gop, viewer = Gop(), track()
    fill(gop, 60)  # two seconds
    sent = run(Replay(viewer, gop, 0.0), last_index=gop.packets[-1][0])
    assert [packet[0] for packet in sent] == [packet[0] for packet in gop.packets]
    assert sent[-1][1] == gop.packets[-1][1], "the newest picture is where it belongs"
    span = (sent[-1][1] - sent[0][1]) / 90_000
    assert 0 < span <= MAX_SECONDS
    assert len({packet[1] for packet in sent}) == 60, "frames stay apart"
    assert viewer.out_index == 500 + 119
    assert viewer.is_open


def test_it_takes_no_longer_than_its_bounds() -> None:
    gop, viewer = Gop(), track()
    for number in range(120):  # 4 s at about 3 Mbit/s
        gop.add(
            frame(1 + 10 * number, 3000 * number, packets=10, size=1188), is_keyframe=not number
        )
    replay = Replay(viewer, gop, 0.0)
    chunks = 0
    while replay.poll(0.0, 10_000):
        chunks += 1
    assert MAX_SECONDS / 2 < chunks * STEP <= MAX_SECONDS


def test_a_small_group_goes_out_in_no_less_than_its_least_portions() -> None:
    gop = Gop()
    fill(gop, 3)
    assert len(Replay(track(), gop, 0.0).poll(0.0, 100)) == min(6, MIN_CHUNK)


def test_frames_that_come_meanwhile_follow_with_their_own_timestamps() -> None:
    gop, viewer = Gop(), track()
    fill(gop, 30)
    replay = Replay(viewer, gop, 0.0)
    replay.poll(0.0, gop.packets[-1][0])
    late = frame(70, 3000 * 30)
    gop.add(late, is_keyframe=False)
    assert run(replay, last_index=69)[-1][0] == 69, "not beyond what others got"
    assert run(replay, last_index=71) == late


def test_a_group_that_begins_meanwhile_follows_the_old_one() -> None:
    gop, viewer = Gop(), track()
    fill(gop, 30)
    replay = Replay(viewer, gop, 0.0)
    replay.poll(0.0, 69)
    fill(gop, 2, first=70, at=3000 * 30)
    sent = run(replay, last_index=73)
    assert [packet[0] for packet in sent][-5:] == [69, 70, 71, 72, 73]


def test_who_lost_the_picture_gets_it_again_under_new_numbers_and_later_timestamps() -> None:
    gop, viewer = Gop(), track()
    fill(gop, 30)
    run(Replay(viewer, gop, 0.0), last_index=69)
    viewer.close()
    newest = gop.packets[-1][1]
    again = run(Replay(viewer, gop, 1.0), last_index=69)
    assert len(again) == 60
    assert all(newest < packet[1] < newest + 3000 for packet in again)
    assert viewer.out_index == 500 + 119
    place = viewer.locate(560)
    assert place is not None
    assert place[0] == 10, "a NACK finds the packet of the second time"


def test_after_a_pause_of_the_source_a_replay_leaves_room_for_the_next_picture() -> None:
    gop, viewer = Gop(), track()
    fill(gop, 10)
    newest = gop.packets[-1][1] + 5 * 90_000
    gop.add([(30, newest, MARKER, b"late")], is_keyframe=False)
    run(Replay(viewer, gop, 0.0), last_index=30)
    viewer.close()
    again = run(Replay(viewer, gop, 1.0), last_index=30)
    assert all(newest < packet[1] < newest + 3000 for packet in again)


def test_a_still_does_not_end_live() -> None:
    gop = Gop(Start.KEYFRAME)
    fill(gop, 30)
    replay = Replay(track(), gop, 0.0)
    assert len(run(replay, last_index=69)) == 2
    assert not replay.ends_live


@given(
    frames=st.integers(1, 300),
    step=st.integers(300, 9000),
    losses=st.lists(st.integers(1, 20), max_size=4),
)
def test_numbers_rise_by_one_and_timestamps_never_go_back(
    frames: int, step: int, losses: list[int]
) -> None:
    gop, viewer = Gop(), track()
    index = 1
    sent: list[tuple[int, int]] = []

    def grow(count: int) -> None:
        nonlocal index
        for _ in range(count):
            gop.add(frame(index, index * step // 2), is_keyframe=index == 1)
            index += 2

    def replay() -> None:
        if not gop.packets:
            return  # longer than the bound
        again = run(Replay(viewer, gop, 0.0), last_index=index)
        offset = viewer._segments[-1].offset
        sent.extend((packet[0] + offset, packet[1]) for packet in again)

    grow(frames)
    replay()
    for more in losses:
        viewer.close()
        replay()
        viewer.close()
        grow(more)
    assert [number for number, _ in sent] == list(range(500, 500 + len(sent)))
    stamps = [stamp for _, stamp in sent]
    assert stamps == sorted(stamps)
