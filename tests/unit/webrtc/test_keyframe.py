"""What counts as a whole key frame: from its start to its marker, with nothing missing."""

from daemon.rtc.timeline import Plain
from daemon.webrtc import keyframe
from daemon.webrtc.keyframe import KeyFrames


def packet(
    index: int, timestamp: int, *, is_last: bool = False, payload: bytes = b"x"
) -> Plain:
    return (index, timestamp, is_last, payload)


def test_nothing_before_the_first_key_frame() -> None:
    frames = KeyFrames()
    frames.add([packet(1, 0, is_last=True)], "H264", is_keyframe=False)
    assert frames.latest is None


def test_a_key_frame_in_one_burst() -> None:
    frames = KeyFrames()
    parts = [packet(1, 0, payload=b"a"), packet(2, 0, payload=b"b", is_last=True)]
    frames.add(parts, "H264", is_keyframe=True)
    assert frames.latest is not None
    assert frames.latest.payloads == (b"a", b"b")
    assert frames.latest.codec == "H264"


def test_a_key_frame_over_several_bursts_counts_when_it_is_whole() -> None:
    frames = KeyFrames()
    frames.add([packet(1, 0, payload=b"a")], "H264", is_keyframe=True)
    frames.add([packet(2, 0, payload=b"b", is_last=True)], "H264", is_keyframe=False)
    assert frames.latest
    assert frames.latest.payloads == (b"a", b"b")


def test_what_comes_after_it_does_not_belong_to_it() -> None:
    frames = KeyFrames()
    frames.add([packet(1, 0, is_last=True)], "H264", is_keyframe=True)
    first = frames.latest
    frames.add([packet(2, 3000, is_last=True)], "H264", is_keyframe=False)
    assert frames.latest is first


def test_a_key_frame_with_a_gap_is_not_kept() -> None:
    frames = KeyFrames()
    frames.add([packet(1, 0), packet(3, 0, is_last=True)], "H264", is_keyframe=True)
    frames.add([packet(4, 0, is_last=True)], "H264", is_keyframe=False)
    assert frames.latest is None


def test_a_key_frame_without_its_end_is_not_kept() -> None:
    frames = KeyFrames()
    frames.add([packet(1, 0)], "H264", is_keyframe=True)
    frames.add([packet(2, 3000, is_last=True)], "H264", is_keyframe=False)
    assert frames.latest is None


def test_a_key_frame_beyond_all_measure_is_not_kept() -> None:
    frames = KeyFrames()
    half = bytes(keyframe.MAX_BYTES // 2 + 1)
    parts = [packet(1, 0, payload=half), packet(2, 0, payload=half, is_last=True)]
    frames.add(parts, "H264", is_keyframe=True)
    assert frames.latest is None


def test_each_key_frame_is_another() -> None:
    frames = KeyFrames()
    seen = set()
    for index in range(3):
        frames.add([packet(index, index, is_last=True)], "H264", is_keyframe=True)
        seen.add(frames.latest)
    assert len(seen) == 3
