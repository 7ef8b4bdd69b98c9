"""RFC 3711 appendix B.3: key derivation."""

import pytest

from daemon.rtc import srtp

MASTER_KEY = bytes.fromhex("e1f97a0d3e018be0d64fa32c06de4139")
MASTER_SALT = bytes.fromhex("0ec675ad498afeebb6960b3aabe6")


AUTH_KEY = (
    "cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbce"
    "e049646c43d9327ad175578ef72270986371c10c9a369ac2f94a8c5fbcdddc25"
    "6d6e919a48b610ef17c2041e474035766b68642c59bbfc2f34db60dbdfb2"
)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (0, "c61e7a93744f39ee10734afe3ff7a087"),
        (2, "30cbbc08863d8c85d49db34a9ae1"),
        (1, AUTH_KEY),
    ],
    ids=["cipher key", "cipher salt", "auth key"],
)
def test_b_3_session_keys(label: int, expected: str) -> None:
    wanted = bytes.fromhex(expected)
    assert srtp.derive(MASTER_KEY, MASTER_SALT, label, len(wanted)) == wanted
