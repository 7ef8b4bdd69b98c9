"""rtc: WebRTC as pure state: bytes, addresses and ``now`` in; bytes, events and times out."""

__all__ = [
    "answer",
    "certificate",
    "codecs",
    "consent",
    "demux",
    "dtls",
    "fanout",
    "feedback",
    "h264",
    "history",
    "ice",
    "opus",
    "peer",
    "rtcp",
    "rtp",
    "sdp",
    "srtp",
    "stun",
    "timeline",
    "track",
]
