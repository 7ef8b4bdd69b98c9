"""The recorded offers, and how tests bend them."""

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "data" / "offers"
NAMES = ("aiortc-1.16", "chromium-156", "firefox-153", "gstreamer-like", "safari-like")

MINIMAL = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
m=video 9 UDP/TLS/RTP/SAVPF 102
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=fingerprint:sha-256 {digest}
a=setup:actpass
a=recvonly
a=rtcp-mux
a=rtpmap:102 H264/90000
a=fmtp:102 packetization-mode=1;profile-level-id=42e01f
""".format(digest=":".join(["AB"] * 32)).replace("\n", "\r\n")


def load(name: str) -> str:
    """Return a recorded offer with its line ends as they came."""
    return (FOLDER / f"{name}.sdp").read_bytes().decode()


def swap(text: str, old: str, new: str) -> str:
    """Replace all of ``old``, which must be there: else the test would test nothing."""
    assert old in text
    return text.replace(old, new)


def drop(text: str, start: str) -> str:
    """Leave out all lines that begin so."""
    lines = text.split("\r\n")
    kept = [line for line in lines if not line.startswith(start)]
    assert len(kept) < len(lines)
    return "\r\n".join(kept)
