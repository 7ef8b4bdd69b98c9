"""srtp: libsrtp opens what we send, in every profile; hostile SRTCP is refused and no more."""

import struct
from collections.abc import Sequence

import pylibsrtp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import SrtpError
from daemon.rtc import gop, packetizer, srtp
from daemon.rtc.timeline import Plain

SSRC = 0x9A3B5C7D
PAYLOAD_TYPE = 96
LIBSRTP = {
    srtp.Profile.AEAD_AES_128_GCM: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    srtp.Profile.AEAD_AES_256_GCM: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
    srtp.Profile.AES128_CM_SHA1_80: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
}
RECEIVER_REPORT = struct.pack("!BBHI", 0x80, 201, 1, 1)
each_profile = pytest.mark.parametrize("profile", list(srtp.Profile))


def _keys(profile: srtp.Profile) -> srtp.SessionKeys:
    size = profile.key_size + profile.salt_size
    ours, theirs = bytes(range(size)), bytes(range(100, 100 + size))
    cut = profile.key_size
    return srtp.SessionKeys(profile, ours[:cut], ours[cut:], theirs[:cut], theirs[cut:])


def _viewer_keys(profile: srtp.Profile) -> srtp.SessionKeys:
    """Return what the other side holds."""
    keys = _keys(profile)
    return srtp.SessionKeys(
        profile, keys.remote_key, keys.remote_salt, keys.local_key, keys.local_salt
    )


def _libsrtp_receiver(profile: srtp.Profile) -> pylibsrtp.Session:
    keys = _keys(profile)
    policy = pylibsrtp.Policy(
        key=keys.local_key + keys.local_salt,
        ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND,
        srtp_profile=LIBSRTP[profile],
    )
    return pylibsrtp.Session(policy)


def _burst(first: int, count: int) -> list[Plain]:
    return [
        (index, 3000 * index, 128 if index % 5 == 0 else 0, b"%d" % index + bytes(index % 1000))
        for index in range(first, first + count)
    ]


def _protect(
    outbound: srtp.Outbound,
    packets: Sequence[Plain],
    sequence_offset: int = 0,
    timestamp_offset: int = 0,
) -> list[bytes]:
    buffers = outbound.protect_burst(
        SSRC, PAYLOAD_TYPE, packets, sequence_offset, timestamp_offset
    )
    assert len(buffers) == 2 * len(packets)
    return [head + tail for head, tail in zip(buffers[::2], buffers[1::2], strict=True)]


@each_profile
def test_libsrtp_opens_a_burst_across_a_sequence_wrap(profile: srtp.Profile) -> None:
    outbound, receiver = srtp.Outbound(_keys(profile)), _libsrtp_receiver(profile)
    packets = _burst(30_000, 40)
    offset = 65_536 - 30_020  # the 21st packet is the first after the wrap
    sealed = _protect(outbound, packets, offset, 0xFFFF_FFF0)
    for (index, timestamp, marker, payload), data in zip(packets, sealed, strict=True):
        assert len(data) == 12 + len(payload) + outbound.overhead
        plain = receiver.unprotect(data)
        assert struct.unpack("!BBHII", plain[:12]) == (
            0x80,
            marker | PAYLOAD_TYPE,
            (index + offset) & 0xFFFF,
            (timestamp + 0xFFFF_FFF0) & 0xFFFF_FFFF,
            SSRC,
        )
        assert plain[12:] == payload


@each_profile
def test_the_rollover_counter_follows_the_index_for_long(profile: srtp.Profile) -> None:
    outbound, receiver = srtp.Outbound(_keys(profile)), _libsrtp_receiver(profile)
    for index in range(0, 5 * 65_536, 20_000):
        (data,) = _protect(outbound, [(index, 0, 0, b"media")])
        assert receiver.unprotect(data)[12:] == b"media"


@each_profile
def test_a_repeat_is_the_same_bytes_also_from_behind_a_wrap(profile: srtp.Profile) -> None:
    outbound = srtp.Outbound(_keys(profile))
    packets = _burst(65_500, 512)
    first = _protect(outbound, packets)
    assert _protect(outbound, packets[10:12]) == first[10:12]
    assert _protect(outbound, packets[-1:]) == first[-1:]
    assert _protect(outbound, packets[:1]) == first[:1]


@each_profile
def test_what_is_sent_depends_on_the_index_only_not_on_the_way_there(
    profile: srtp.Profile,
) -> None:
    far = [(200_000, 1, 0, b"far away")]
    walker = srtp.Outbound(_keys(profile))
    for index in range(0, 200_000, 25_000):
        _protect(walker, [(index, 1, 0, b"")])
    assert _protect(srtp.Outbound(_keys(profile)), far) == _protect(walker, far)


def test_a_repeat_too_far_back_is_an_srtp_error_in_counter_mode() -> None:
    outbound = srtp.Outbound(_keys(srtp.Profile.AES128_CM_SHA1_80))
    _protect(outbound, [(5000, 0, 0, b"")])
    with pytest.raises(SrtpError):
        _protect(outbound, [(5000 - 4097, 0, 0, b"")])


@each_profile
def test_the_beginning_of_the_longest_group_can_be_sent_again(profile: srtp.Profile) -> None:
    outbound = srtp.Outbound(_keys(profile))
    [first] = _protect(outbound, [(300, 0, 0, b"key frame")])
    _protect(outbound, [(300 + gop.MAX_BYTES // packetizer.MAX_PAYLOAD, 9, 0, b"newest")])
    assert _protect(outbound, [(300, 0, 0, b"key frame")]) == [first]


def test_a_packet_that_libsrtp_cannot_hold_is_an_srtp_error() -> None:
    outbound = srtp.Outbound(_keys(srtp.Profile.AES128_CM_SHA1_80))
    with pytest.raises(SrtpError):
        _protect(outbound, [(0, 0, 0, bytes(1400))])


def test_an_index_below_zero_is_our_own_fault() -> None:
    outbound = srtp.Outbound(_keys(srtp.Profile.AEAD_AES_128_GCM))
    with pytest.raises(OverflowError):
        _protect(outbound, [(5, 0, 0, b"")], sequence_offset=-6)


@each_profile
def test_two_tracks_share_a_viewers_keys(profile: srtp.Profile) -> None:
    outbound, receiver = srtp.Outbound(_keys(profile)), _libsrtp_receiver(profile)
    for ssrc in (1, 0xFFFF_FFFF):
        buffers = outbound.protect_burst(ssrc, 111, [(7, 0, 0, b"opus")], 0, 0)
        assert receiver.unprotect(b"".join(buffers))[12:] == b"opus"


@given(
    profile=st.sampled_from(list(srtp.Profile)),
    first=st.integers(0, 0x7000),
    payloads=st.lists(st.binary(max_size=64), min_size=1, max_size=8),
    timestamp=st.integers(0, 2**40),
)
def test_every_burst_opens_and_every_repeat_is_identical(
    profile: srtp.Profile, first: int, payloads: list[bytes], timestamp: int
) -> None:
    outbound, receiver = srtp.Outbound(_keys(profile)), _libsrtp_receiver(profile)
    packets = [(first + i, timestamp, 0, payload) for i, payload in enumerate(payloads)]
    sealed = _protect(outbound, packets)
    assert [receiver.unprotect(data)[12:] for data in sealed] == payloads
    assert _protect(outbound, packets) == sealed


@each_profile
def test_rtcp_goes_both_ways(profile: srtp.Profile) -> None:
    ours, theirs = _keys(profile), _viewer_keys(profile)
    to_viewer = srtp.Outbound(ours).protect_rtcp(RECEIVER_REPORT)
    assert to_viewer != RECEIVER_REPORT
    assert srtp.Inbound(theirs).unprotect_rtcp(to_viewer) == RECEIVER_REPORT
    from_viewer = srtp.Outbound(theirs).protect_rtcp(RECEIVER_REPORT)
    assert srtp.Inbound(ours).unprotect_rtcp(from_viewer) == RECEIVER_REPORT


@each_profile
def test_rtcp_survives_loss_but_no_replay(profile: srtp.Profile) -> None:
    sender, inbound = srtp.Outbound(_viewer_keys(profile)), srtp.Inbound(_keys(profile))
    sealed = [sender.protect_rtcp(RECEIVER_REPORT) for _ in range(200)]
    assert len(set(sealed)) == len(sealed)
    for data in (sealed[0], sealed[100], sealed[99], sealed[199]):
        assert inbound.unprotect_rtcp(data) == RECEIVER_REPORT
    for data in (sealed[0], sealed[100], sealed[99], sealed[199], sealed[199 - 128]):
        with pytest.raises(SrtpError):
            inbound.unprotect_rtcp(data)
    assert inbound.unprotect_rtcp(sealed[199 - 127]) == RECEIVER_REPORT


@each_profile
def test_a_changed_bit_is_refused_wherever_it_is(profile: srtp.Profile) -> None:
    sealed = srtp.Outbound(_viewer_keys(profile)).protect_rtcp(RECEIVER_REPORT)
    inbound = srtp.Inbound(_keys(profile))
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(SrtpError):
            inbound.unprotect_rtcp(bytes(changed))
    assert inbound.unprotect_rtcp(sealed) == RECEIVER_REPORT


@each_profile
@pytest.mark.parametrize("size", [0, 1, 7, 8, 27, 1500, 1501, 65_507])
def test_any_size_of_rubbish_is_an_srtp_error(profile: srtp.Profile, size: int) -> None:
    with pytest.raises(SrtpError):
        srtp.Inbound(_keys(profile)).unprotect_rtcp(b"\x80\xc9".ljust(size, b"\1")[:size])


@given(profile=st.sampled_from(list(srtp.Profile)), data=st.binary(max_size=200))
def test_only_srtp_errors_escape(profile: srtp.Profile, data: bytes) -> None:
    with pytest.raises(SrtpError):
        srtp.Inbound(_keys(profile)).unprotect_rtcp(data)


def test_a_viewer_cannot_fill_memory_with_ssrcs() -> None:
    profile = srtp.Profile.AEAD_AES_128_GCM
    sender, inbound = srtp.Outbound(_viewer_keys(profile)), srtp.Inbound(_keys(profile))
    reports = [struct.pack("!BBHI", 0x80, 201, 1, ssrc) for ssrc in range(17)]
    for report in reports[:-1]:
        assert inbound.unprotect_rtcp(sender.protect_rtcp(report)) == report
    with pytest.raises(SrtpError, match="SSRC"):
        inbound.unprotect_rtcp(sender.protect_rtcp(reports[-1]))
    assert inbound.unprotect_rtcp(sender.protect_rtcp(reports[0])) == reports[0]


def test_rubbish_does_not_use_up_the_ssrcs() -> None:
    profile = srtp.Profile.AES128_CM_SHA1_80
    inbound = srtp.Inbound(_keys(profile))
    for ssrc in range(100):
        with pytest.raises(SrtpError):
            inbound.unprotect_rtcp(struct.pack("!BBHI", 0x80, 201, 1, ssrc) + bytes(30))
    sealed = srtp.Outbound(_viewer_keys(profile)).protect_rtcp(RECEIVER_REPORT)
    assert inbound.unprotect_rtcp(sealed) == RECEIVER_REPORT


@each_profile
def test_keys_do_not_show_in_a_repr(profile: srtp.Profile) -> None:
    assert repr(_keys(profile)) == f"SessionKeys(profile={profile!r})"
