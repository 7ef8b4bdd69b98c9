"""Fanout: one burst becomes each viewer's datagrams, in runs for one system call each."""

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.rtc import native
from daemon.rtc.codecs import NegotiatedTrack
from daemon.rtc.demux import Address
from daemon.rtc.fanout import MAX_RUN, Burst, Fanout, runs
from daemon.rtc.native import NativeLane, Spool
from daemon.rtc.srtp import Outbound, Profile, SessionKeys
from daemon.rtc.timeline import Plain
from daemon.rtc.track import OutgoingTrack, Segment
from tests.fakes.delivery import datagrams

KEYS = SessionKeys(Profile.AEAD_AES_128_GCM, b"k" * 16, b"s" * 12, b"r" * 16, b"t" * 12)
VIDEO = NegotiatedTrack("video", "0", 102, 90_000, "H264", "", ())
FIRST, SECOND = ("10.0.0.1", 1), ("2001:db8::2", 2)


@pytest.fixture(params=["native", "plain"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test with C's lanes and with their Python twins."""
    if request.param == "plain":
        monkeypatch.setattr(native, "IS_AVAILABLE", False)
    else:
        assert native.IS_AVAILABLE, "burst.c could not be built here"
    return str(request.param)


def track(address: Address | None = FIRST) -> OutgoingTrack:
    made = OutgoingTrack(
        VIDEO, Outbound(KEYS), ssrc=0xCAFE, first_sequence=500, timestamp_offset=10
    )
    made.address = address
    return made


def fanout(*tracks: OutgoingTrack) -> Fanout:
    made = Fanout()
    for one in tracks:
        made.wait(one)
    return made


def frame(first: int, sizes: Sequence[int]) -> list[Plain]:
    last = len(sizes) - 1
    return [
        (first + place, 3000, 128 if place == last else 0, bytes(size))
        for place, size in enumerate(sizes)
    ]


def send(to: Fanout, packets: list[Plain], *, is_keyframe: bool = False) -> list[bytes]:
    delivery, _ = to.begin(Burst("video", packets, is_keyframe, 0.0))
    return [data for _, data in datagrams(delivery)]


def sequences(sent: Sequence[bytes]) -> list[int]:
    return [struct.unpack("!H", data[2:4])[0] for data in sent]


def test_a_frame_leaves_in_one_run_with_a_shorter_end() -> None:
    assert runs([1188, 1188, 1188, 300]) == [(0, 4, 1188)]


def test_two_slices_make_two_runs() -> None:
    assert runs([1188, 1188, 500, 1188, 600]) == [(0, 3, 1188), (3, 5, 1188)]


def test_a_growing_packet_begins_a_new_run() -> None:
    assert runs([30, 1188, 1188]) == [(0, 1, 30), (1, 3, 1188)]


@given(st.lists(st.integers(1, 1388), min_size=1, max_size=200))
def test_runs_cover_a_burst_in_order_and_within_the_kernels_limits(sizes: list[int]) -> None:
    cuts = runs(sizes)
    assert [place for first, end, _ in cuts for place in range(first, end)] == list(
        range(len(sizes))
    )
    for first, end, size in cuts:
        assert end - first <= MAX_RUN
        assert all(one == size for one in sizes[first : end - 1])
        assert sizes[end - 1] <= size
        assert (end - first) * (size + 28) <= 65_507


@pytest.mark.usefixtures("kind")
def test_each_viewer_gets_its_own_numbers() -> None:
    to = fanout(track(FIRST), track(SECOND))
    delivery, opened = to.begin(Burst("video", frame(70, [100, 100, 40]), True, 0.0))
    sent = datagrams(delivery)
    assert {address for address, _ in sent} == {FIRST, SECOND}
    assert len(opened) == 2
    mine = [data for address, data in sent if address == SECOND]
    assert [struct.unpack("!BBHII", data[:12])[1:] for data in mine] == [
        (102, 500, 3010, 0xCAFE),
        (102, 501, 3010, 0xCAFE),
        (102 | 128, 502, 3010, 0xCAFE),
    ]
    assert [len(data) for data in mine] == [128, 128, 68]
    assert [(one.packets, one.octets) for one in opened] == [(3, 240)] * 2


@pytest.mark.usefixtures("kind")
def test_who_is_served_first_changes_with_each_burst() -> None:
    to = fanout(track(FIRST), track(SECOND))
    firsts = [
        datagrams(to.begin(Burst("video", frame(index, [9]), True, 0.0))[0])[0][0]
        for index in range(4)
    ]
    assert set(firsts) == {FIRST, SECOND}


@pytest.mark.usefixtures("kind")
def test_a_viewer_without_address_costs_nothing() -> None:
    assert send(fanout(track(None)), frame(1, [10]), is_keyframe=True) == []
    assert send(fanout(), frame(1, [10]), is_keyframe=True) == []


@pytest.mark.usefixtures("kind")
def test_a_viewer_begins_with_a_key_frame() -> None:
    to = fanout(track())
    assert send(to, frame(5, [10])) == []
    assert sequences(send(to, frame(6, [10]), is_keyframe=True)) == [500]
    assert sequences(send(to, frame(7, [10]))) == [501]


@pytest.mark.usefixtures("kind")
def test_who_has_left_gets_nothing_of_what_is_on_its_way() -> None:
    gone, stays = track(FIRST), track(SECOND)
    to = fanout(gone, stays)
    delivery, _ = to.begin(Burst("video", frame(6, [10]), True, 0.0))
    to.take(gone)
    to.take(gone)
    assert [address for address, _ in datagrams(delivery)] == [SECOND]
    assert not gone.is_open


@pytest.mark.usefixtures("kind")
def test_a_slow_viewer_loses_whole_frames_and_sees_no_hole_in_the_numbers() -> None:
    watcher = track()
    to = fanout(watcher)
    send(to, frame(6, [10, 10]), is_keyframe=True)
    late, _ = to.begin(Burst("video", frame(8, [10]), False, 0.0))
    assert late is not None
    to.abandon(late, Spool() if native.IS_AVAILABLE else None)
    assert send(to, frame(9, [10])) == []
    sent = send(to, frame(10, [10]), is_keyframe=True)
    assert sequences(sent) == [502]
    assert watcher.dropped_frames == 2
    # a NACK finds the packets on both sides of the drop
    assert [watcher.locate(number) for number in (501, 502)] == [
        (7, Segment(500, 494, None)),
        (10, Segment(502, 492, None)),
    ]


def test_who_got_a_part_of_a_burst_that_is_given_up_keeps_its_gate_open() -> None:
    tracks = [track(("10.0.0.1", port)) for port in range(1, 4)]
    to = fanout(*tracks)
    send(to, frame(1, [10]), is_keyframe=True)
    late, _ = to.begin(Burst("video", frame(2, [10, 20]), False, 0.0))  # two runs a viewer
    assert late is not None
    assert late.work is not None
    spool = Spool()
    late.work.protect(spool)
    for _ in range(3):  # all of the first viewer's, half of the second's
        late.work.skip_piece()
    to.abandon(late, spool)
    assert sorted(one.is_open for one in tracks) == [False, True, True]
    closed = next(one for one in tracks if not one.is_open)
    assert (closed.out_index, closed.dropped_frames) == (500, 1)
    assert {one.out_index for one in tracks if one.is_open} == {502}


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("sequence", [499, 503, 40_000])
def test_a_number_that_was_never_sent_is_nowhere(sequence: int) -> None:
    watcher = track()
    send(fanout(watcher), frame(6, [9, 9, 9]), is_keyframe=True)
    assert watcher.locate(sequence) is None


@pytest.mark.usefixtures("kind")
def test_a_resend_has_the_same_bytes() -> None:
    watcher = track()
    packets = frame(6, [50, 20])
    sent = send(fanout(watcher), packets, is_keyframe=True)
    place = watcher.locate(501)
    assert place is not None
    assert watcher.send_again(packets[1], place[1], 501) == sent[1]


@given(
    profile=st.sampled_from([Profile.AEAD_AES_128_GCM, Profile.AEAD_AES_256_GCM]),
    payloads=st.lists(st.binary(min_size=1, max_size=1188), min_size=1, max_size=60),
    index=st.integers(1, 2**30),
    first=st.integers(0, 2**30),
    timestamps=st.tuples(st.integers(0, 2**40), st.integers(0, 2**32 - 1)),
    extension=st.sampled_from([b"", b"\xbe\xde\x00\x01\x52\x00\x00\x00"]),
    viewers=st.integers(1, 12),
)
def test_c_and_python_write_the_same_bytes(
    profile: Profile,
    payloads: list[bytes],
    index: int,
    first: int,
    timestamps: tuple[int, int],
    extension: bytes,
    viewers: int,
) -> None:
    keys = SessionKeys(profile, b"k" * profile.key_size, b"s" * 12, b"", b"")
    outbound = Outbound(keys)
    to = Fanout()
    for number in range(viewers):
        one = OutgoingTrack(
            VIDEO, outbound, ssrc=number, first_sequence=first, timestamp_offset=timestamps[1]
        )
        one.address = ("10.0.0.1", number)
        one.extension = 1
        to.wait(one)
    packets: list[Plain] = [
        (index + place, timestamps[0], place % 2 * 128, payload)
        for place, payload in enumerate(payloads)
    ]
    burst = Burst("video", packets, True, 0.0, {1: extension} if extension else {})
    delivery, opened = to.begin(burst)
    assert all(isinstance(one.lane, NativeLane) for one in opened)
    sent = datagrams(delivery)
    offset = first - index
    for number in range(viewers):
        twins = outbound.protect_burst(number, 102, packets, offset, timestamps[1], extension)
        wanted = [a + b for a, b in zip(twins[::2], twins[1::2], strict=True)]
        assert [data for address, data in sent if address[1] == number] == wanted
