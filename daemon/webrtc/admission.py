"""Admission: an offer that can be served becomes a viewer, with fresh random values."""

import base64
import secrets
import time
from collections.abc import Callable, Sequence

from daemon.rtc import codecs, sdp
from daemon.rtc.answer import Candidate, LocalDescription, build_answer, build_fragment
from daemon.rtc.dtls import Certificate
from daemon.rtc.ice import Credentials
from daemon.rtc.peer import Peer, Setup, TrackSetup
from daemon.webrtc import clock
from daemon.webrtc.registry import PeerId, Viewer, ViewerInfo
from daemon.webrtc.source import Source

CERTIFICATE_AGE = 24 * 3600.0  # seconds; then new viewers get a new one
CNAME = "dragonctl"
FIRST_SEQUENCES = 1 << 14  # in the lower half, so that an early loss can't upset the rollover


class Admission:
    """Makes viewers. ``is_taken`` says whether a ufrag is in use."""

    def __init__(self, is_taken: Callable[[str], bool]) -> None:
        self._is_taken = is_taken
        self._certificate: Certificate | None = None
        self._certified = 0.0

    def admit(
        self,
        source: Source,
        offer: sdp.Offer,
        negotiated: Sequence[codecs.NegotiatedTrack],
        info: ViewerInfo,
    ) -> Viewer:
        """Make a viewer; nothing is sent yet."""
        now = time.monotonic()
        transport = offer.transport_of([track.mid for track in negotiated])
        local = self._new_credentials()
        numbers = _distinct(2 * len(negotiated))
        mids = [track.mid for track in negotiated]
        ssrcs = dict(zip(mids, numbers, strict=False))
        rtx_ssrcs = dict(zip(mids, numbers[len(mids) :], strict=True))
        certificate = self._current_certificate(now)
        setup = Setup(
            local=local,
            remote=Credentials(transport.ufrag, transport.pwd),
            certificate=certificate,
            fingerprints=transport.fingerprints,
            tracks=[
                _begin(track, ssrcs[track.mid], rtx_ssrcs[track.mid]) for track in negotiated
            ],
            histories=source.histories,
            ntp=clock.ntp,
            clock=source.clock,
            cname=CNAME,
            tie_breaker=secrets.randbits(64),
            transaction_seed=secrets.token_bytes(16),
        )
        return Viewer(
            id=PeerId(secrets.token_urlsafe(24)),
            process_id=source.process_id,
            peer=Peer(setup, now),
            info=info,
            session_id=secrets.randbits(62),
            local=local,
            remote_ufrag=transport.ufrag,
            etag=secrets.token_urlsafe(12),
            ssrcs=ssrcs,
            rtx_ssrcs=rtx_ssrcs,
            offer=offer,
            negotiated=tuple(negotiated),
            source_kinds=tuple(track.kind for track in source.tracks),
            certificate=certificate,
        )

    def restart(self, viewer: Viewer, remote: Credentials) -> None:
        """Give a viewer new credentials and a new entity tag (RFC 9725 section 4.3.3)."""
        viewer.local = self._new_credentials()
        viewer.remote_ufrag = remote.ufrag
        viewer.stale_etags.add(viewer.etag)
        viewer.etag = secrets.token_urlsafe(12)
        viewer.peer.receive_restart(viewer.local, remote, time.monotonic())

    def _new_credentials(self) -> Credentials:
        """48 random bits of ufrag, 144 of password (RFC 8445 section 5.3)."""
        ufrag = _ice_text(6)
        while self._is_taken(ufrag):
            ufrag = _ice_text(6)
        return Credentials(ufrag, _ice_text(18))

    def _current_certificate(self, now: float) -> Certificate:
        if self._certificate is None or now - self._certified > CERTIFICATE_AGE:
            self._certificate = Certificate.generate()
            self._certified = now
        return self._certificate


def answer(viewer: Viewer, candidates: tuple[Candidate, ...]) -> str:
    """Write the answer to a viewer's offer."""
    return build_answer(viewer.offer, viewer.negotiated, _describe(viewer, candidates))


def fragment(viewer: Viewer, candidates: tuple[Candidate, ...]) -> str:
    """Write what an ICE restart is answered with."""
    return build_fragment(_describe(viewer, candidates), viewer.offer)


def _describe(viewer: Viewer, candidates: tuple[Candidate, ...]) -> LocalDescription:
    return LocalDescription(
        credentials=viewer.local,
        fingerprint=viewer.certificate.fingerprint,
        candidates=candidates,
        session_id=viewer.session_id,
        cname=CNAME,
        stream_id=CNAME,
        ssrcs=viewer.ssrcs,
        rtx_ssrcs=viewer.rtx_ssrcs,
    )


def _begin(track: codecs.NegotiatedTrack, ssrc: int, rtx_ssrc: int) -> TrackSetup:
    return TrackSetup(
        media=track,
        ssrc=ssrc,
        first_sequence=secrets.randbelow(FIRST_SEQUENCES),
        timestamp_offset=secrets.randbits(32),
        rtx_ssrc=rtx_ssrc,
        first_rtx_sequence=secrets.randbelow(FIRST_SEQUENCES),
    )


def _ice_text(size: int) -> str:
    """Random ice-chars (RFC 8839 section 5.4): Base64 without padding."""
    return base64.b64encode(secrets.token_bytes(size)).decode()


def _distinct(count: int) -> list[int]:
    ssrcs: set[int] = set()
    while len(ssrcs) < count:
        ssrcs.add(1 + secrets.randbelow((1 << 32) - 1))
    return list(ssrcs)
