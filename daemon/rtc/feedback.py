"""Feedback: what a viewer reports by RTCP, and what we answer (RFC 3550, 4585, 5104, 3611)."""

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.errors import SrtpError
from daemon.rtc import rtcp
from daemon.rtc.history import History
from daemon.rtc.track import OutgoingTrack

MAX_RATE = 200  # RTCP packets a second and viewer
MAX_ASKED = 2000  # sequence numbers in NACKs a second and viewer: a look-up has its price
MAX_RTT = 10.0  # seconds; more is a broken or hostile report


@dataclass(slots=True)
class Quality:
    """One track as the viewer sees it (RFC 3550 section 6.4.1)."""

    fraction_lost: float = 0.0
    lost: int = 0
    jitter_seconds: float = 0.0
    reported_at: float | None = None


class Feedback:
    """One viewer's reports, its round-trip time and the resends it may have."""

    def __init__(self, tracks: dict[str, OutgoingTrack], histories: dict[str, History]) -> None:
        self.rtt_seconds: float | None = None
        self.nacks = 0
        self.plis = 0
        self.quality = {kind: Quality() for kind in tracks}
        self._by_ssrc = {track.ssrc: (kind, track) for kind, track in tracks.items()}
        self._histories = histories
        self._second = 0.0
        self._in_second = 0
        self._asked = 0
        self._wanted: dict[str, None] = {}
        self._reference: tuple[rtcp.ReceiverReferenceTime, float] | None = None

    def admits(self, now: float) -> bool:
        """Whether one more RTCP packet is within the viewer's rate."""
        if now - self._second >= 1.0:
            self._second = now
            self._in_second = 0
            self._asked = 0
        self._in_second += 1
        return self._in_second <= MAX_RATE

    def receive(
        self, packets: Sequence[rtcp.RtcpPacket], *, ntp: int | None, now: float
    ) -> list[bytes]:
        """Take one compound packet; the answer is ready SRTP packets.

        ``ntp`` is our NTP time of ``now`` in 32.32 bits; None: too late for a round-trip time.
        """
        resent: list[bytes] = []
        for packet in packets:
            match packet:
                case rtcp.SenderReport(reports=blocks) | rtcp.ReceiverReport(reports=blocks):
                    for block in blocks:
                        self._receive_block(block, ntp, now)
                case rtcp.Nack():
                    resent += self._resend(packet, now)
                case rtcp.Pli() | rtcp.Fir():
                    self._receive_keyframe_request(packet)
                case rtcp.ReceiverReferenceTime():
                    self._reference = (packet, now)
                case _:
                    pass
        return resent

    def _receive_block(self, block: rtcp.ReportBlock, ntp: int | None, now: float) -> None:
        found = self._by_ssrc.get(block.ssrc)
        if found is None:
            return
        kind, track = found
        quality = self.quality[kind]
        quality.fraction_lost = block.fraction_lost / 256
        quality.lost = block.lost
        quality.jitter_seconds = block.jitter / track.media.clock_rate
        quality.reported_at = now
        if block.lsr and ntp is not None:
            rtt = ((ntp >> 16) - block.lsr - block.dlsr & 0xFFFFFFFF) / 65536
            if rtt < MAX_RTT:
                self.rtt_seconds = rtt

    def _receive_keyframe_request(self, packet: rtcp.Pli | rtcp.Fir) -> None:
        """Note it: FFmpeg can't be asked for a key frame over RTP, but the cache can."""
        found = self._by_ssrc.get(packet.media_ssrc)
        if found is not None:
            self.plis += 1
            found[1].plis += 1
            self._wanted[found[0]] = None

    def build_dlrr(self, ssrc: int, now: float) -> bytes:
        """Answer the viewer's last clock, once, so that it knows its round-trip time.

        Goes behind a sender report; empty when there is nothing to answer (RFC 3611 4.5).
        """
        if self._reference is None:
            return b""
        (reference, came), self._reference = self._reference, None
        delay = min(round((now - came) * 65536), 0xFFFFFFFF)
        entry = (reference.ssrc, rtcp.compact_ntp(reference.ntp), delay)
        return rtcp.build_dlrr(ssrc, [entry])

    def take_wanted(self) -> list[str]:
        """Take the kinds of the tracks that want a key frame."""
        wanted = list(self._wanted)
        self._wanted.clear()
        return wanted

    def _resend(self, nack: rtcp.Nack, now: float) -> list[bytes]:
        found = self._by_ssrc.get(nack.media_ssrc)
        if found is None:
            return []
        kind, track = found
        self.nacks += 1
        history = self._histories[kind]
        media_bytes = history.bytes_in_last_second(now)
        resent = []
        rtt = self.rtt_seconds or 0.0
        wanted = nack.sequences[: MAX_ASKED - self._asked]
        self._asked += len(wanted)
        for sequence in wanted:
            index, segment = track.locate(sequence) or (0, None)
            in_replay = segment is not None and segment.stamp is not None
            plain = history.get(index, now, in_replay=in_replay)
            if segment is None or plain is None or not track.can_send_again:
                track.unanswered_nacks += 1
            elif track.budget.allows(sequence, len(plain[3]), media_bytes, rtt, now):
                try:
                    resent.append(track.send_again(plain, segment, sequence))
                except SrtpError:  # too far behind for libsrtp to protect it again
                    track.unanswered_nacks += 1
        track.resent += len(resent)
        return resent
