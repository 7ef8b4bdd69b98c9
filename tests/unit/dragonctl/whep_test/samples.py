"""An offer and its answer, as this client and a good server write them."""

OFFER = "\r\n".join(
    [
        "v=0",
        "o=- 1 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0 1",
        "m=video 9 UDP/TLS/RTP/SAVPF 97 99",
        "a=recvonly",
        "a=mid:0",
        "a=rtpmap:97 VP8/90000",
        "a=rtpmap:99 H264/90000",
        "a=fmtp:99 packetization-mode=1;profile-level-id=42e01f",
        "m=audio 9 UDP/TLS/RTP/SAVPF 96",
        "a=recvonly",
        "a=mid:1",
        "a=rtpmap:96 opus/48000/2",
        "",
    ]
)
SESSION = [
    "v=0",
    "o=- 1 1 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    "a=ice-lite",
    "a=group:BUNDLE 0 1",
]
VIDEO = [
    "m=video 9 UDP/TLS/RTP/SAVPF 99",
    "c=IN IP4 0.0.0.0",
    "a=mid:0",
    "a=sendonly",
    "a=rtcp-mux",
    "a=rtcp-mux-only",
    "a=msid:s v",
    "a=setup:passive",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:0123456789012345678901",
    "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
    "a=candidate:1 1 udp 2130706431 10.0.0.5 8189 typ host",
    "a=end-of-candidates",
    "a=rtpmap:99 H264/90000",
    "a=fmtp:99 profile-level-id=42e01f;packetization-mode=1",
]
AUDIO = [
    "m=audio 9 UDP/TLS/RTP/SAVPF 96",
    "c=IN IP4 0.0.0.0",
    "a=mid:1",
    "a=sendonly",
    "a=rtcp-mux",
    "a=rtcp-mux-only",
    "a=msid:s a",
    "a=rtpmap:96 opus/48000/2",
]
REJECTED_VIDEO = ["m=video 0 UDP/TLS/RTP/SAVPF 97", "a=mid:0", "a=inactive"]
TRANSPORT = VIDEO[7:13]


def join(*parts: list[str]) -> str:
    """Make a document of sections."""
    return "\r\n".join(line for part in parts for line in part) + "\r\n"


ANSWER = join(SESSION, VIDEO, AUDIO)
