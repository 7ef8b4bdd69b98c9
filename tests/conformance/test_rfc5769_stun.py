"""RFC 5769: the sample STUN messages, byte for byte."""

import hashlib

import pytest

from daemon.errors import StunError
from daemon.rtc import stun

PASSWORD = b"VOkJxbRl1RmTxUk/WvJxBt"
TRANSACTION_ID = bytes.fromhex("b7e7a701bc34d686fa87dfae")
REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae"
    "802200105354554e207465737420636c69656e74"
    "002400046e0001ff80290008932ff9b151263b36"
    "000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004e57a3bcf"
)
IPV4_RESPONSE = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96"
)
IPV6_RESPONSE = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014a382954e4be67bf11784c97c8292c275bfe3ed41"
    "80280004c8fb0b4c"
)
LONG_TERM_REQUEST = bytes.fromhex(
    "000100602112a44278ad3433c6ad72c029da412e"
    "00060012e3839ee38388e383aae38383e382afe382b90000"
    "0015001c662f2f3439396b39353464364f4c33346f4c39465354767936347341"
    "0014000b6578616d706c652e6f726700"
    "00080014f67024656dd64a3e02b8e0712e85c9a28ca89666"
)


def test_section_2_1_request() -> None:
    message = stun.parse(REQUEST)
    assert message.method == stun.BINDING
    assert message.message_class is stun.MessageClass.REQUEST
    assert message.transaction_id == TRANSACTION_ID
    assert message.username == "evtj:h6vY"
    assert message.priority == 0x6E0001FF
    assert message.controlled == 0x932FF9B151263B36
    assert message.controlling is None
    assert not message.use_candidate
    assert message.has_fingerprint
    assert message.verify(PASSWORD)
    assert not message.verify(PASSWORD + b"x")
    assert stun.local_ufrag(REQUEST) == "evtj"


@pytest.mark.parametrize(
    ("data", "host"),
    [(IPV4_RESPONSE, "192.0.2.1"), (IPV6_RESPONSE, "2001:db8:1234:5678:11:2233:4455:6677")],
    ids=["section 2.2", "section 2.3"],
)
def test_sections_2_2_and_2_3_responses(data: bytes, host: str) -> None:
    message = stun.parse(data)
    assert message.message_class is stun.MessageClass.SUCCESS
    assert message.mapped_address == (host, 32853)
    assert message.verify(PASSWORD)
    assert stun.local_ufrag(data) is None


def test_section_2_4_long_term_request() -> None:
    message = stun.parse(LONG_TERM_REQUEST)
    username = "マトリックス"
    assert message.username == username
    assert not message.has_fingerprint
    key = hashlib.md5(f"{username}:example.org:TheMatrIX".encode()).digest()
    assert message.verify(key)


@pytest.mark.parametrize("data", [REQUEST, IPV4_RESPONSE, IPV6_RESPONSE])
def test_no_changed_bit_goes_unnoticed(data: bytes) -> None:
    for position in range(len(data) - 8):
        changed = bytearray(data)
        changed[position] ^= 0x10
        with pytest.raises(StunError):
            stun.parse(bytes(changed))
