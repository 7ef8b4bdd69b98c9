"""RFC 7714 section 16: SRTP under AES-GCM, with the session keys that the vectors give."""

import pytest

from daemon.rtc import srtp

SALT = bytes.fromhex("517569642070726f2071756f")
SSRC = 0x5501A0B2
SEQUENCE = 0xF17B
TIMESTAMP = 0x8041F8D3
PAYLOAD_TYPE = 0x40
HEADER = bytes.fromhex("8040f17b8041f8d35501a0b2")
PLAINTEXT = b"Gallia est omnis divisa in partes tres"


SEALED_128 = (
    "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b"
    "36de3adf8833899d7f27beb16a9152cf765ee4390cce"
)
SEALED_256 = (
    "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f"
    "1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13"
)


@pytest.mark.parametrize(
    ("key_size", "expected"),
    [(16, SEALED_128), (32, SEALED_256)],
    ids=["16.1.1 AEAD_AES_128_GCM", "16.2.1 AEAD_AES_256_GCM"],
)
def test_section_16_encryption(key_size: int, expected: str) -> None:
    line = srtp.GcmLine(bytes(range(key_size)), SALT)
    header, sealed = line.protect(
        SSRC, PAYLOAD_TYPE, [(SEQUENCE, TIMESTAMP, 0, PLAINTEXT)], 0, 0, b""
    )
    assert header == HEADER
    assert sealed == bytes.fromhex(expected)
