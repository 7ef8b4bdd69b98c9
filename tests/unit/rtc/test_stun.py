"""stun: strict in, exact out; the RFC's own samples are in tests/conformance."""

import struct

import aioice.stun
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.errors import StunError
from daemon.rtc import stun
from daemon.rtc.demux import Address

KEY = b"a password of 24 chars.."
TRANSACTION_ID = bytes(range(12))
REQUEST = stun.build_binding_request(
    TRANSACTION_ID, "local:remote", KEY, priority=7, tie_breaker=9, controlling=True
)


def _message(*attributes: tuple[int, bytes], kind: int = 0x0001) -> bytes:
    """Build any message, without integrity."""
    body = b"".join(
        struct.pack("!HH", number, len(value)) + value + bytes(-len(value) % 4)
        for number, value in attributes
    )
    return struct.pack("!HHI", kind, len(body), 0x2112A442) + TRANSACTION_ID + body


def test_a_request_comes_back_as_it_was_built() -> None:
    message = stun.parse(REQUEST)
    assert message.method == stun.BINDING
    assert message.message_class is stun.MessageClass.REQUEST
    assert message.transaction_id == TRANSACTION_ID
    assert (message.username, message.priority) == ("local:remote", 7)
    assert (message.controlling, message.controlled) == (9, None)
    assert message.has_fingerprint
    assert message.verify(KEY)


def test_a_controlled_request_says_so() -> None:
    data = stun.build_binding_request(
        TRANSACTION_ID, "a:b", KEY, priority=1, tie_breaker=2**64 - 1, controlling=False
    )
    message = stun.parse(data)
    assert (message.controlling, message.controlled) == (None, 2**64 - 1)


@pytest.mark.parametrize("address", [("192.0.2.1", 32853), ("2001:db8::5", 9)])
def test_a_success_tells_the_sender_its_address(address: Address) -> None:
    message = stun.parse(stun.build_binding_success(stun.parse(REQUEST), address, KEY))
    assert message.message_class is stun.MessageClass.SUCCESS
    assert message.transaction_id == TRANSACTION_ID
    assert message.mapped_address == address
    assert message.verify(KEY)


@pytest.mark.parametrize("address", [("192.0.2.1", 32853), ("2001:db8::5", 9)])
def test_the_answer_to_the_shortest_check_amplifies_less_than_a_third(address: Address) -> None:
    request = stun.build_binding_request(
        TRANSACTION_ID, "abcdefgh:efgh", KEY, priority=1, tie_breaker=1, controlling=True
    )
    answer = stun.build_binding_success(stun.parse(request), address, KEY)
    conflict = stun.build_role_conflict(stun.parse(request), KEY)
    assert max(len(answer), len(conflict)) <= 1.3 * len(request)


def test_a_role_conflict_is_error_487() -> None:
    message = stun.parse(stun.build_role_conflict(stun.parse(REQUEST), KEY))
    assert message.message_class is stun.MessageClass.ERROR
    assert message.error_code == 487
    assert message.verify(KEY)


def test_the_library_reads_what_we_write() -> None:
    theirs = aioice.stun.parse_message(REQUEST)
    assert theirs.attributes["USERNAME"] == "local:remote"
    assert theirs.check_message_integrity(KEY)


def test_nothing_verifies_without_message_integrity() -> None:
    assert not stun.parse(_message((0x0006, b"local:remote"))).verify(KEY)
    assert not stun.parse(_message()).verify(b"")


def test_what_follows_message_integrity_does_not_count() -> None:
    signed = stun.build_binding_request(
        TRANSACTION_ID, "a:b", KEY, priority=1, tie_breaker=1, controlling=True
    )[:-8]  # without FINGERPRINT
    forged = signed + struct.pack("!HH", 0x0025, 0)
    forged = forged[:2] + struct.pack("!H", len(forged) - 20) + forged[4:]
    message = stun.parse(forged)
    assert message.verify(KEY)
    assert not message.use_candidate


def test_use_candidate_is_seen() -> None:
    assert stun.parse(_message((0x0025, b""))).use_candidate


TRUNCATED = _message((0x0006, b"evil:evil"))[:-8] + b"il:e"
TRUNCATED = TRUNCATED[:2] + struct.pack("!H", len(TRUNCATED) - 20) + TRUNCATED[4:]
UNKNOWN = _message((0x7FFF, b"must be understood"))
TWO_USERNAMES = _message((0x0006, b"first:x"), (0x0006, b"second:x"))


def test_the_librarys_parser_is_too_lax_to_stand_behind_a_strict_door() -> None:
    aioice.stun.parse_message(TRUNCATED)  # an attribute that runs past the end
    assert not aioice.stun.parse_message(UNKNOWN).attributes
    assert aioice.stun.parse_message(TWO_USERNAMES).attributes["USERNAME"] == "second:x"


def test_the_first_of_two_usernames_counts() -> None:
    assert stun.parse(TWO_USERNAMES).username == "first:x"
    assert stun.local_ufrag(TWO_USERNAMES) == "first"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        REQUEST[:19],
        REQUEST[:-1],
        REQUEST + b"\0",
        REQUEST + bytes(4),
        b"\x40" + REQUEST[1:],
        REQUEST[:4] + b"\0\0\0\0" + REQUEST[8:],
        TRUNCATED,
        UNKNOWN,
        _message((0x0006, b"\xff\xfe")),
        _message((0x0024, b"\0\0\0")),
        _message((0x0025, b"\0")),
        _message((0x0008, b"short")),
        _message((0x8029, b"")),
        _message((0x0020, b"")),
        _message((0x0020, b"\0\x03\0\0\0\0\0\0")),
        _message((0x0020, b"\0\x01\0\0\0\0\0")),
        _message((0x0009, b"\0\0")),
        _message((0x8028, b"\0\0\0\0")),
        REQUEST[:-1] + bytes((REQUEST[-1] ^ 1,)),
        _message((0x8022, bytes(1500))),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(StunError):
        stun.parse(data)


def test_nothing_may_follow_fingerprint() -> None:
    longer = REQUEST + struct.pack("!HHI", 0x8022, 4, 0)
    longer = longer[:2] + struct.pack("!H", len(longer) - 20) + longer[4:]
    with pytest.raises(StunError, match="last"):
        stun.parse(longer)


def test_optional_attributes_that_we_do_not_know_are_skipped() -> None:
    assert stun.parse(_message((0xC057, b"\0\1\0\2"), (0x0006, b"a:b"))).username == "a:b"


@pytest.mark.parametrize(
    ("data", "ufrag"),
    [
        (REQUEST, "local"),
        (_message((0x8022, b"abc"), (0x0006, b"xyz:1")), "xyz"),
        (_message((0x0006, b"no colon")), None),
        (_message(), None),
        (REQUEST[:25], None),
        (b"", None),
    ],
)
def test_the_ufrag_that_a_check_is_for(data: bytes, ufrag: str | None) -> None:
    assert stun.local_ufrag(data) == ufrag


@given(st.binary(max_size=200))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    stun.local_ufrag(data)
    try:
        stun.parse(data)
    except StunError:
        return


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=24)), max_size=6))
@example([(0x0020, b"\0\1aabbbb"), (0x0009, b"\0\0\4\1"), (0x8029, bytes(8))])
def test_any_attributes_parse_or_are_refused(attributes: list[tuple[int, bytes]]) -> None:
    data = _message(*attributes)
    stun.local_ufrag(data)
    try:
        message = stun.parse(data)
    except StunError:
        return
    assert not message.verify(KEY)


@given(st.integers(0, len(REQUEST) - 1), st.integers(1, 255))
def test_a_changed_byte_is_noticed_or_says_nothing(position: int, change: int) -> None:
    changed = bytearray(REQUEST)
    changed[position] ^= change
    try:
        message = stun.parse(bytes(changed))
    except StunError:
        return
    # FINGERPRINT became an attribute that we skip: the rest is still covered by the integrity
    assert position >= len(REQUEST) - 8
    assert not message.has_fingerprint
    assert message.username == "local:remote"
