"""Key frames and parameter sets inside RTP payloads."""

import pytest

from daemon.errors import RtpError
from daemon.rtc import h264

# Made by libx264 in FFmpeg 5.1, from testsrc
BASELINE_640_360 = bytes.fromhex("6742c01ed900a02ff97011000003000100000300320f162e48")
HIGH_1080 = bytes.fromhex("67640028acd940780227e5c044000003000400000300c83c60c658")
MAIN_720 = bytes.fromhex("674d401feca02802dd80880000030008000003019078c18cb0")
INTERLACED_1080 = bytes.fromhex("67640028acd94078044fde0220000003002000000643e2c5b2c0")
HIGH_422_ODD = bytes.fromhex("677a000dbcd9415087888fc044000003000400000300c83c50a658")
HIGH_444_ODD = bytes.fromhex("67f4000d919b28283fdde022000003000200000300641e28532c")
GRAY_VGA = bytes.fromhex("6764001ef3650280f6c05b20000003002000000641e2c5b2c0")
SMALLEST = bytes.fromhex("6742c00ad91ec044000003000400000300c83c489920")

PPS = bytes.fromhex("68cb83cb20")
SEI = b"\x06\x05\x04text"


def aggregate(*nals: bytes) -> bytes:
    return b"\x78" + b"".join(len(nal).to_bytes(2) + nal for nal in nals)


@pytest.mark.parametrize(
    ("nal", "profile_level_id", "width", "height"),
    [
        (BASELINE_640_360, "42c01e", 640, 360),
        (HIGH_1080, "640028", 1920, 1080),
        (MAIN_720, "4d401f", 1280, 720),
        (INTERLACED_1080, "640028", 1920, 1080),
        (HIGH_422_ODD, "7a000d", 322, 242),
        (HIGH_444_ODD, "f4000d", 318, 238),
        (GRAY_VGA, "64001e", 640, 480),
        (SMALLEST, "42c00a", 16, 16),
    ],
)
def test_what_x264_writes(nal: bytes, profile_level_id: str, width: int, height: int) -> None:
    sps = h264.find_sps(h264.nal_units([nal]))
    assert sps is not None
    assert sps.profile_level_id == profile_level_id
    assert (sps.width, sps.height) == (width, height)


class Writer:
    """Bits and Exp-Golomb numbers, to build what x264 doesn't."""

    def __init__(self) -> None:
        self.bits = ""

    def flags(self, bits: str) -> "Writer":
        self.bits += bits
        return self

    def numbers(self, *values: int) -> "Writer":
        for value in values:
            binary = f"{value + 1:b}"
            self.bits += "0" * (len(binary) - 1) + binary
        return self

    def signed(self, *values: int) -> "Writer":
        return self.numbers(*(2 * value - 1 if value > 0 else -2 * value for value in values))

    def nal(self, start: str) -> bytes:
        padded = self.bits + "1" + "0" * (-(len(self.bits) + 1) % 8)
        body = int(padded, 2).to_bytes(len(padded) // 8)
        return bytes.fromhex(start) + body


def size_of(nal: bytes) -> tuple[int, int]:
    sps = h264.parse_sps(nal)
    return sps.width, sps.height


def test_picture_order_of_type_1_and_2() -> None:
    one = Writer().numbers(0, 0, 1).flags("0").signed(-2, 3).numbers(2).signed(4, -5)
    one.numbers(1).flags("0").numbers(19, 14).flags("110")
    assert size_of(one.nal("6742001e")) == (320, 240)
    two = Writer().numbers(0, 0, 2, 1).flags("0").numbers(19, 14).flags("110")
    assert size_of(two.nal("6742001e")) == (320, 240)


@pytest.mark.parametrize(("chroma", "lists"), [(1, 8), (3, 12)])
def test_scaling_lists_are_skipped(chroma: int, lists: int) -> None:
    writer = Writer().numbers(0, chroma)
    if chroma == 3:
        writer.flags("0")
    writer.numbers(0, 0).flags("01")
    for index in range(lists):
        if index == 0:
            writer.flags("0")
        elif index == 1:
            writer.flags("1").signed(-8)  # from 8 to 0: the default list
        else:
            writer.flags("1").signed(*[1, -1] * (8 if index < 6 else 32))
    writer.numbers(0, 2, 1).flags("0").numbers(19, 14).flags("110")
    assert size_of(writer.nal("6764001e")) == (320, 240)


def test_planes_coded_alone_are_cropped_by_pixels() -> None:
    writer = Writer().numbers(0, 3).flags("1").numbers(0, 0).flags("00")
    writer.numbers(0, 2, 1).flags("0").numbers(19, 14).flags("111").numbers(1, 2, 3, 4)
    assert size_of(writer.nal("67f4001e")) == (320 - 3, 240 - 7)


@pytest.mark.parametrize(
    "writer",
    [
        Writer().numbers(32),  # an id that can't be
        Writer().numbers(0, 13),
        Writer().numbers(0, 0, 3),
        Writer().flags("0" * 40),
        Writer().numbers(0, 0, 2, 1).flags("0").numbers(4000, 14).flags("110"),
        Writer().numbers(0, 0, 2, 1).flags("0").numbers(0, 0).flags("111").numbers(4, 4, 0, 0),
        Writer().numbers(0, 0, 2, 1).flags("0").numbers(0, 0).flags("111").numbers(0, 0, 4, 4),
    ],
)
def test_impossible_numbers_are_refused(writer: Writer) -> None:
    with pytest.raises(RtpError):
        h264.parse_sps(writer.nal("6742001e"))


@pytest.mark.parametrize("cut", range(11))
def test_a_cut_sps_is_none(cut: int) -> None:
    assert h264.find_sps(h264.nal_units([HIGH_1080[:cut]])) is None


def test_sps_inside_an_aggregate() -> None:
    sps = h264.find_sps(h264.nal_units([aggregate(SEI, BASELINE_640_360, PPS)]))
    assert sps is not None
    assert sps.width == 640


def test_of_an_old_and_a_new_sps_the_new_one_counts() -> None:
    sps = h264.find_sps([BASELINE_640_360, PPS, MAIN_720, PPS, IDR])
    assert sps is not None
    assert sps.width == 1280


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        PPS,
        SEI,
        aggregate(SEI, PPS),
        b"\x7c\x87" + BASELINE_640_360[1:],  # the start of a fragment is not a whole SPS
        b"\xe7" + BASELINE_640_360[1:],  # damaged, says the forbidden bit
        aggregate(PPS)[:-1],
        b"\x78\0\0" + BASELINE_640_360,  # an aggregate with an empty unit
    ],
)
def test_no_whole_sps(payload: bytes) -> None:
    assert h264.find_sps(h264.nal_units([payload])) is None


@pytest.mark.parametrize(
    "payload",
    [
        b"\x65\x88\x84",
        BASELINE_640_360,
        aggregate(BASELINE_640_360, PPS),
        aggregate(b"\x09\x10", SEI, b"\x65\x88"),
        b"\x7c\x85\x88",  # the first fragment of an IDR slice
        b"\x7c\x87\x42",
    ],
)
def test_decoding_can_begin(payload: bytes) -> None:
    assert h264.is_keyframe_start(payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x61\x9a",  # a slice that refers to others
        PPS,
        SEI,
        aggregate(SEI, PPS),
        b"\x7c\x05\x88",  # a middle fragment of an IDR slice
        b"\x7c\x45\x88",  # its last one
        b"\x7c\x81\x9a",  # the first fragment of another slice
        b"\x7c",
        b"\xfc\x85\x88",  # damaged
        b"\xe5\x88",
        b"\x78",
        b"\x78\x00",
        b"\x78\xff\xff\x65\x88",  # the unit is longer than the packet
        b"\x79\0\1\0\2\x65\x88",  # STAP-B: not in packetization mode 1
        b"\x60\x88",  # no such type
    ],
)
def test_decoding_can_not_begin(payload: bytes) -> None:
    assert not h264.is_keyframe_start(payload)


IDR = b"\x65" + bytes(range(1, 200))
START = b"\0\0\0\1"


def fragments(nal: bytes, size: int) -> list[bytes]:
    """Cut a NAL unit as RFC 6184 section 5.8 has it."""
    cut = [nal[1:][at : at + size] for at in range(0, len(nal) - 1, size)]
    indicator, kind = nal[0] & 0xE0 | 28, nal[0] & 0x1F
    flags = [0] * len(cut)
    flags[0] |= 0x80
    flags[-1] |= 0x40
    return [
        bytes([indicator, kind | flag]) + part for flag, part in zip(flags, cut, strict=True)
    ]


def test_a_picture_is_put_together_from_all_three_kinds_of_payloads() -> None:
    payloads = [aggregate(SMALLEST, PPS), SEI, *fragments(IDR, 50)]
    assert h264.annex_b(h264.nal_units(payloads)) == b"".join(
        START + nal for nal in (SMALLEST, PPS, SEI, IDR)
    )


def test_a_fragment_that_begins_and_ends_at_once_is_whole() -> None:
    assert h264.annex_b(h264.nal_units(fragments(IDR, 1000))) == START + IDR


@pytest.mark.parametrize("missing", [0, 3])
def test_a_nal_unit_without_its_begin_or_end_is_left_out(missing: int) -> None:
    payloads = fragments(IDR, 50)
    assert len(payloads) == 4
    del payloads[missing]
    assert h264.annex_b(h264.nal_units([*payloads, PPS])) == START + PPS


@pytest.mark.parametrize("kind", [0, 24, 28, 30])
def test_types_that_no_player_may_get_are_left_out(kind: int) -> None:
    unit = bytes([0x60 | kind]) + b"\x85of the camera's maker" * 9
    payloads = [aggregate(SMALLEST, unit, PPS), *fragments(unit, 50), IDR]
    assert h264.nal_units(payloads) == [SMALLEST, PPS, IDR]


@pytest.mark.parametrize(
    "payloads", [[], [b""], [b"\x1c"], [b"\x7c\x85"], [b"\x78\0"], [b"\xff" * 9], [b"\0"]]
)
def test_what_is_broken_gives_nothing(payloads: list[bytes]) -> None:
    assert h264.annex_b(h264.nal_units(payloads)) == b""
