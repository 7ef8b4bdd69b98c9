"""H.264 inside RTP payloads: where decoding begins, what the SPS says, whole frames (RFC 6184).

Packetization mode 1 only: single NAL units, STAP-A, FU-A. Total: broken payloads are no key
frame and have no SPS.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from daemon.errors import RtpError

MAX_SPS_BYTES = 512  # what comes before the picture size fits easily, scaling lists included
MAX_SIZE = 16_384  # pixels a side; level 6.2 allows little more (section A.3.1)

_IDR, _SPS, STAP_A, FU_A = 5, 7, 24, 28
_LAST_SINGLE = 23
_FORBIDDEN, TYPE, IMPORTANCE, FU_START, FU_END = 0x80, 0x1F, 0x60, 0x80, 0x40
_START_CODE = b"\0\0\0\1"

# Profiles whose SPS tells the chroma format (ITU-T H.264 section 7.3.2.1.1)
_HIGH_PROFILES = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244})


@dataclass(frozen=True, slots=True)
class Sps:
    """The part of a sequence parameter set that negotiation and statistics need."""

    profile_idc: int
    constraint_flags: int
    level_idc: int
    width: int
    height: int

    @property
    def profile_level_id(self) -> str:
        """Six hexadecimal digits as in SDP, such as ``42e01f`` (RFC 6184 section 8.1)."""
        return f"{self.profile_idc:02x}{self.constraint_flags:02x}{self.level_idc:02x}"


def is_keyframe_start(payload: bytes) -> bool:
    """Tell whether it carries an SPS or starts a slice of an IDR picture.

    A picture may have several such packets: its first one is where decoding begins.
    """
    return any(header & TYPE in {_IDR, _SPS} for header in _headers(payload))


def has_idr(nals: Iterable[bytes]) -> bool:
    """Tell whether these NAL units are of a picture that needs none before it."""
    return any(nal[0] & TYPE == _IDR for nal in nals)


def has_sps(nals: Iterable[bytes]) -> bool:
    """Tell whether there is an SPS among these NAL units."""
    return any(nal[0] & TYPE == _SPS for nal in nals)


def find_sps(nals: Iterable[bytes]) -> Sps | None:
    """Return the last SPS among these NAL units, which counts; None if it is broken, too.

    Before those that a camera has changed to, FFmpeg repeats those that it began with.
    """
    found = [nal for nal in nals if nal[0] & TYPE == _SPS]
    try:
        return parse_sps(found[-1]) if found else None
    except RtpError:
        return None


def annex_b(nals: Iterable[bytes]) -> bytes:
    """Join the NAL units of one picture into a byte stream (ITU-T H.264 annex B)."""
    return b"".join(_START_CODE + nal for nal in nals)


def nal_units(payloads: Iterable[bytes]) -> list[bytes]:
    """Give the NAL units of one picture, in order; what is not whole is left out.

    So are types that no player may get (section 5.2). An empty payload stands for lost ones.
    """
    nals: list[bytes] = []
    fragments = bytearray()
    for payload in payloads:
        if not _is_fragment(payload):
            fragments.clear()
            nals += _whole_nals(payload)
            continue
        if payload[1] & FU_START:
            # the header that was split over both (section 5.8)
            header = bytes([payload[0] & IMPORTANCE | payload[1] & TYPE])
            fragments[:] = header if _is_single(payload[1]) else b""
        if fragments:
            fragments += payload[2:]
        if fragments and payload[1] & FU_END:
            nals.append(bytes(fragments))
            fragments.clear()
    return nals


def _is_fragment(payload: bytes) -> bool:
    return len(payload) > 1 and payload[0] & (_FORBIDDEN | TYPE) == FU_A


def _headers(payload: bytes) -> Iterator[int]:
    """Yield the header byte of each NAL unit that begins in this payload."""
    if _is_fragment(payload):
        if payload[1] & FU_START:
            yield payload[1] & TYPE
        return
    for nal in _whole_nals(payload):
        yield nal[0]


def _is_single(header: int) -> bool:
    """Tell a NAL unit's header from those that only RTP has, or nobody (section 5.2)."""
    return 0 < header & TYPE <= _LAST_SINGLE


def _whole_nals(payload: bytes) -> Iterator[bytes]:
    if not payload or payload[0] & _FORBIDDEN:
        return
    if _is_single(payload[0]):
        yield payload
    elif payload[0] & TYPE == STAP_A:
        position = 1
        while position + 2 < len(payload):
            end = position + 2 + int.from_bytes(payload[position : position + 2])
            if end > len(payload) or end == position + 2:
                return
            if _is_single(payload[position + 2]):
                yield payload[position + 2 : end]
            position = end


def parse_sps(nal: bytes) -> Sps:
    """Read a sequence parameter set up to the picture's size (ITU-T H.264 section 7.3.2.1.1).

    RtpError if it ends too early, or a number is out of range.
    """
    if len(nal) < 4 or nal[0] & TYPE != _SPS:
        raise RtpError("not an SPS")
    profile_idc, constraint_flags, level_idc = nal[1:4]
    # 00 00 03 stands for 00 00 (section 7.4.1)
    bits = _Bits(nal[4:MAX_SPS_BYTES].replace(b"\0\0\3", b"\0\0"))
    bits.unsigned(31)  # seq_parameter_set_id
    chroma = _skip_chroma(bits) if profile_idc in _HIGH_PROFILES else 1
    _skip_order(bits)
    width, height = _read_size(bits, chroma)
    return Sps(profile_idc, constraint_flags, level_idc, width, height)


class _Bits:
    """Bits and Exp-Golomb numbers in turn (ITU-T H.264 section 9.1)."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data)
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise RtpError("the SPS ends too early")
        self._left -= count
        return self._value >> self._left & (1 << count) - 1

    def unsigned(self, limit: int) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise RtpError("a number in the SPS has more than 32 bits")
        value = (1 << zeros) - 1 + self.take(zeros)
        if value > limit:
            raise RtpError("a number in the SPS is out of range")
        return value

    def signed(self) -> int:
        value = self.unsigned(1 << 32)
        return (value + 1) // 2 if value & 1 else -(value // 2)


def _skip_chroma(bits: _Bits) -> int:
    """Return ChromaArrayType: 0 when planes are coded alone or there is no chroma."""
    chroma_format = bits.unsigned(3)
    is_separate = chroma_format == 3 and bits.take(1)
    bits.unsigned(6)  # bit_depth_luma_minus8
    bits.unsigned(6)  # bit_depth_chroma_minus8
    bits.take(1)  # qpprime_y_zero_transform_bypass_flag
    if bits.take(1):
        for index in range(12 if chroma_format == 3 else 8):
            if bits.take(1):
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return 0 if is_separate else chroma_format


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    scale = 8
    for _ in range(size):
        scale = (scale + bits.signed()) % 256
        if scale == 0:
            return  # the rest repeats the last one


def _skip_order(bits: _Bits) -> None:
    bits.unsigned(12)  # log2_max_frame_num_minus4
    order = bits.unsigned(2)
    if order == 0:
        bits.unsigned(12)  # log2_max_pic_order_cnt_lsb_minus4
    elif order == 1:
        bits.take(1)  # delta_pic_order_always_zero_flag
        bits.signed()  # offset_for_non_ref_pic
        bits.signed()  # offset_for_top_to_bottom_field
        for _ in range(bits.unsigned(255)):
            bits.signed()  # offset_for_ref_frame
    bits.unsigned(16)  # max_num_ref_frames
    bits.take(1)  # gaps_in_frame_num_value_allowed_flag


def _read_size(bits: _Bits, chroma: int) -> tuple[int, int]:
    width = 16 * (bits.unsigned(MAX_SIZE // 16) + 1)
    map_units = bits.unsigned(MAX_SIZE // 16) + 1
    fields = 2 - bits.take(1)  # 2 when frames may be coded as two fields
    height = 16 * fields * map_units
    if fields == 2:
        bits.take(1)  # mb_adaptive_frame_field_flag
    bits.take(1)  # direct_8x8_inference_flag
    if bits.take(1):
        left, right, top, bottom = (bits.unsigned(MAX_SIZE) for _ in range(4))
        width -= (left + right) * (2 if chroma in {1, 2} else 1)
        height -= (top + bottom) * (2 if chroma == 1 else 1) * fields
    if not (0 < width <= MAX_SIZE and 0 < height <= MAX_SIZE):
        raise RtpError("a picture of an impossible size")
    return width, height
