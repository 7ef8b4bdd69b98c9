"""Our side's descriptions: the answer to an offer, and the fragment of an ICE restart.

RFC 8829 section 5.3.1 and RFC 9143 section 7.3. Everything that is repeated from the offer was
checked by ``sdp`` to be a token, so an offer can't put lines of its own into the answer.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from daemon.rtc.codecs import NegotiatedTrack
from daemon.rtc.sdp import Media, Offer

DISCARD_PORT = 9  # "no address yet" (RFC 8840 section 4.1.1); 0 would be a refusal


class Credentials(Protocol):
    """What ICE calls itself here; ``ice.Credentials`` is one."""

    @property
    def ufrag(self) -> str: ...

    @property
    def pwd(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A UDP host candidate: ``address`` without brackets or zone."""

    address: str
    port: int
    priority: int
    foundation: str = "1"

    def __str__(self) -> str:
        return f"{self.foundation} 1 udp {self.priority} {self.address} {self.port} typ host"


def host_candidates(addresses: Sequence[tuple[str, int]]) -> tuple[Candidate, ...]:
    """Make one candidate of each address; the first is preferred (RFC 8445 section 5.1.2.1)."""
    return tuple(
        Candidate(address, port, (126 << 24) + (65_535 - index << 8) + 255, str(index + 1))
        for index, (address, port) in enumerate(addresses)
    )


@dataclass(frozen=True, slots=True)
class LocalDescription:
    """All of our side that the offer doesn't decide; ``ssrcs`` has one per accepted mid."""

    credentials: Credentials
    fingerprint: str
    candidates: tuple[Candidate, ...]
    session_id: int
    cname: str
    stream_id: str
    ssrcs: Mapping[str, int]
    rtx_ssrcs: Mapping[str, int] = field(default_factory=dict)


def build_answer(
    offer: Offer, tracks: Sequence[NegotiatedTrack], local: LocalDescription
) -> str:
    """Write the answer: each section of the offer in its order, accepted or refused."""
    mids = {track.mid for track in tracks}
    lines = [
        "v=0",
        f"o=- {local.session_id} 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        *_session_lines(offer, mids),
    ]
    for media in offer.media:
        track = next((one for one in tracks if _belongs(one, media)), None)
        if track is None:
            lines += _refused(media)
        else:
            lines += _accepted(media, track, local)
    return _text(lines)


def build_fragment(local: LocalDescription, offer: Offer) -> str:
    """Write the body that answers an ICE restart (RFC 9725 section 4.3.3)."""
    mids = local.ssrcs.keys()
    first = [mid for mid in offer.bundle if mid in mids] or list(mids)
    media = next(one for one in offer.media if one.is_usable and one.mid == first[0])
    lines = [
        *_session_lines(offer, mids),
        f"m={media.kind} {DISCARD_PORT} {media.protocol} {media.formats[0]}",
        *_mid(media),
        *_ice(local),
    ]
    return _text(lines)


def _session_lines(offer: Offer, mids: Collection[str]) -> list[str]:
    lines = ["a=ice-lite", "a=ice-options:trickle"]
    members = [mid for mid in offer.bundle if mid in mids]
    if members:
        lines.append(f"a=group:BUNDLE {' '.join(members)}")
    return lines


def _belongs(track: NegotiatedTrack, media: Media) -> bool:
    """Tell by more than the mid, which may be missing."""
    return media.is_usable and (track.kind, track.mid) == (media.kind, media.mid)


def _refused(media: Media) -> list[str]:
    """Keep the formats: browsers stumble over an m= line without any."""
    return [
        f"m={media.kind} 0 {media.protocol} {' '.join(media.formats)}",
        "c=IN IP4 0.0.0.0",
        *_mid(media),
        "a=inactive",
    ]


def _accepted(media: Media, track: NegotiatedTrack, local: LocalDescription) -> list[str]:
    number = track.payload_type
    ssrc = local.ssrcs[track.mid]
    lines = [
        *_address(media, _numbers(track, local), local),
        *_mid(media),
        "a=sendonly",
        f"a=msid:{local.stream_id} {track.kind}",
        "a=rtcp-mux",
        # WHEP asks for it in every bundled section (section 4.4.1 in RFC 9725), though RFC 8858
        # keeps it out of answers; no player known to us minds
        "a=rtcp-mux-only",
    ]
    if media.has_reduced_size_rtcp:
        lines.append("a=rtcp-rsize")
    if track.has_reference_times:
        lines.append("a=rtcp-xr:rcvr-rtt=all")
    lines += [f"a=extmap:{one} {uri}" for uri, one in track.extensions]
    lines.append(f"a=rtpmap:{number} {_encoding(track)}")
    lines += [f"a=rtcp-fb:{number} {feedback}" for feedback in track.feedback]
    if track.fmtp:
        lines.append(f"a=fmtp:{number} {track.fmtp}")
    lines += _rtx_lines(track, local)
    for one in (ssrc, *_rtx_ssrc(track, local)):
        lines.append(f"a=ssrc:{one} cname:{local.cname}")
        lines.append(f"a=ssrc:{one} msid:{local.stream_id} {track.kind}")
    return [
        *lines,
        f"a=fingerprint:{local.fingerprint}",
        "a=setup:passive",
        *_ice(local),
    ]


def _numbers(track: NegotiatedTrack, local: LocalDescription) -> str:
    rtx = [str(track.rtx_payload_type) for _ in _rtx_ssrc(track, local)]
    return " ".join([str(track.payload_type), *rtx])


def _rtx_ssrc(track: NegotiatedTrack, local: LocalDescription) -> list[int]:
    found = local.rtx_ssrcs.get(track.mid) if track.rtx_payload_type is not None else None
    return [] if found is None else [found]


def _rtx_lines(track: NegotiatedTrack, local: LocalDescription) -> list[str]:
    """Describe how packets are sent again (RFC 4588 section 8.6, RFC 5576 section 4.2)."""
    number = track.rtx_payload_type
    return [
        line
        for ssrc in _rtx_ssrc(track, local)
        for line in (
            f"a=rtpmap:{number} rtx/{track.clock_rate}",
            f"a=fmtp:{number} apt={track.payload_type}",
            f"a=ssrc-group:FID {local.ssrcs[track.mid]} {ssrc}",
        )
    ]


def _address(media: Media, numbers: str, local: LocalDescription) -> list[str]:
    """Name the first candidate as the default destination (RFC 8839 section 4.2.1)."""
    port, family, address = DISCARD_PORT, "IP4", "0.0.0.0"  # noqa: S104 - means "none" in SDP
    if local.candidates:
        port, address = local.candidates[0].port, local.candidates[0].address
        family = "IP6" if ":" in address else "IP4"
    return [f"m={media.kind} {port} {media.protocol} {numbers}", f"c=IN {family} {address}"]


def _mid(media: Media) -> list[str]:
    return [f"a=mid:{media.mid}"] if media.mid else []


def _encoding(track: NegotiatedTrack) -> str:
    channels = f"/{track.channels}" if track.channels else ""
    return f"{track.name}/{track.clock_rate}{channels}"


def _ice(local: LocalDescription) -> list[str]:
    return [
        f"a=ice-ufrag:{local.credentials.ufrag}",
        f"a=ice-pwd:{local.credentials.pwd}",
        *(f"a=candidate:{candidate}" for candidate in local.candidates),
        "a=end-of-candidates",
    ]


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\r\n" for line in lines)
