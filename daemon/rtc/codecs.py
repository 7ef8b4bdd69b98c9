"""Which section of an offer carries which track, in which format (RFC 6184, 7587, 9143).

A further codec is one more row in ``_CHOOSERS``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from daemon.errors import NegotiationError, SdpError
from daemon.rtc import extension
from daemon.rtc.sdp import WANTED_DIRECTIONS, Codec, Media, Offer

FEEDBACK = ("nack", "nack pli", "ccm fir")  # what we really answer
SETUPS = frozenset({"actpass", "active"})  # we are passive: the server chooses the SRTP profile
NO_CODEC = frozenset({"rtx", "red", "ulpfec", "flexfec-03", "cn", "telephone-event"})
MAX_NAMES = 8  # of codecs in an error message

_PROFILE_LEVEL_ID = re.compile(r"[0-9a-fA-F]{6}")
_BASELINE_LEVEL_1 = "420010"  # meant where profile-level-id is missing (RFC 6184 section 8.1)


@dataclass(frozen=True, slots=True)
class SourceTrack:
    """What the process sends; ``profile_level_id`` is None until an SPS was seen."""

    kind: str  # video, audio
    codec: str  # H264, VP8, opus
    profile_level_id: str | None
    channels: int


@dataclass(frozen=True, slots=True)
class NegotiatedTrack:
    """One track in the viewer's numbers. ``line`` names whose packets it gets.

    ``channels`` is 0 where rtpmap names none; ``is_lenient``: the content is more than the
    format that the viewer agreed to, so it may stay black there. ``rtx_payload_type``: how
    lost packets are sent again (RFC 4588); None: as they were. ``extensions``: those of ours,
    with the viewer's ids.
    """

    kind: str
    mid: str
    payload_type: int
    clock_rate: int
    name: str
    fmtp: str
    feedback: tuple[str, ...]
    channels: int = 0
    is_lenient: bool = False
    rtx_payload_type: int | None = None
    extensions: tuple[tuple[str, int], ...] = ()
    has_reference_times: bool = False

    @property
    def line(self) -> str:
        """``vp8`` for VP8, which is made from the video; else the kind."""
        return "vp8" if self.name.upper() == "VP8" else self.kind


def negotiate(offer: Offer, tracks: Sequence[SourceTrack]) -> tuple[NegotiatedTrack, ...]:
    """Match each kind of track with a section, in the order of the offer.

    Several tracks of one kind are a choice: the first that the viewer can take is sent.
    A viewer that asks for video must get video: without a common codec it is refused even if
    audio would do, for a black player explains nothing. NegotiationError for an offer that we
    can't serve, SdpError if it doesn't want to receive.
    """
    usable = _usable_sections(offer)
    found: dict[int, NegotiatedTrack] = {}
    failures: list[NegotiationError] = []
    for kind in dict.fromkeys(track.kind for track in tracks):
        choice = [track for track in tracks if track.kind == kind]
        sections = [index for index in usable if offer.media[index].kind == kind]
        match = next(filter(None, (_match(track, offer, sections) for track in choice)), None)
        if match is not None:
            found.setdefault(*match)
        elif sections:
            failures.append(_no_common_codec(choice, [offer.media[one] for one in sections]))
    if failures and (not found or "video" not in {track.kind for track in found.values()}):
        raise failures[0]
    if not found:
        kinds = " and ".join(dict.fromkeys(track.kind for track in tracks)) or "nothing"
        raise NegotiationError(
            f"the offer asks for nothing that this process sends ({kinds})",
            reason="no-usable-media",
        )
    _check_transport(offer, [track.mid for track in found.values()])
    return tuple(found[index] for index in sorted(found))


def _usable_sections(offer: Offer) -> list[int]:
    """Return the places of the sections in which we may send."""
    media = [one for one in offer.media if one.is_media]
    if not media:
        raise NegotiationError(
            "the offer has no audio or video section over DTLS-SRTP", reason="no-usable-media"
        )
    if all(one.direction not in WANTED_DIRECTIONS for one in media):
        raise SdpError("all audio and video sections are sendonly or inactive")
    usable = [index for index, one in enumerate(offer.media) if one.is_usable]
    if len(usable) > 1 and not {offer.media[one].mid for one in usable} <= set(offer.bundle):
        raise NegotiationError(
            "all audio and video sections must be in one BUNDLE group", reason="no-bundle"
        )
    return usable


def _check_transport(offer: Offer, mids: list[str]) -> None:
    transport = offer.transport_of(mids)
    if transport.setup not in SETUPS:
        raise NegotiationError(
            "this server takes the passive DTLS role: offer a=setup:actpass or active",
            reason="wrong-setup",
        )
    if not transport.has_rtcp_mux:
        raise NegotiationError(
            "this server needs RTP and RTCP on one port: offer a=rtcp-mux",
            reason="no-rtcp-mux",
        )
    if offer.is_ice_lite:
        raise NegotiationError(
            "this server is ICE-lite, so the viewer can't be: nobody would begin",
            reason="ice-lite",
        )


@dataclass(frozen=True, slots=True)
class _Choice:
    codec: Codec
    fmtp: str
    is_lenient: bool = False


def _match(
    track: SourceTrack, offer: Offer, sections: list[int]
) -> tuple[int, NegotiatedTrack] | None:
    """Return the first section, by its place, that has a format for the track."""
    choose = _CHOOSERS[track.codec]
    for index in sections:
        media = offer.media[index]
        choice = choose(track, [codec for codec in media.codecs if _is_muxable(codec)])
        if choice is not None:
            return index, _negotiated(media, choice)
    return None


def _is_muxable(codec: Codec) -> bool:
    """Payload types from 64 to 95 look like RTCP on a shared port (RFC 5761 section 4)."""
    return not 64 <= codec.payload_type <= 95


def _negotiated(media: Media, choice: _Choice) -> NegotiatedTrack:
    codec = choice.codec
    return NegotiatedTrack(
        kind=media.kind,
        mid=media.mid,
        payload_type=codec.payload_type,
        clock_rate=codec.clock_rate,
        name=codec.name,
        fmtp=choice.fmtp,
        feedback=tuple(one for one in FEEDBACK if one in codec.feedback),
        channels=codec.channels if codec.channels > 1 else 0,
        is_lenient=choice.is_lenient,
        rtx_payload_type=_rtx_of(codec, media),
        extensions=tuple(one for one in media.extensions if one[0] in extension.KNOWN),
        has_reference_times=media.has_reference_times,
    )


def _rtx_of(codec: Codec, media: Media) -> int | None:
    """Find the format that retransmits this one (RFC 4588 section 8.1)."""
    wanted = str(codec.payload_type)
    for one in media.codecs:
        if one.name.lower() == "rtx" and one.parameters.get("apt") == wanted:
            return one.payload_type if _is_muxable(one) else None
    return None


def _no_common_codec(choice: Sequence[SourceTrack], sections: list[Media]) -> NegotiationError:
    track = choice[0]
    ours = " or ".join(one.codec for one in choice)
    codecs = [codec for media in sections for codec in media.codecs]
    names = list(dict.fromkeys(codec.name for codec in codecs))
    names = [name for name in names if name.lower() not in NO_CODEC]
    listed = ", ".join(names[:MAX_NAMES]) or "none that we know"
    details = []
    if track.codec == "H264" and "H264" in (name.upper() for name in names):
        details.append("its H264 entries lack packetization-mode=1")
    elif track.codec == "H264":
        details.append("Firefox offers H264 only once its OpenH264 plugin is installed")
    return NegotiationError(
        f"no common {track.kind} codec: the offer has {listed}, we send {ours}",
        details=details,
        reason="no-common-codec",
    )


class _Profile(StrEnum):
    """H.264 profiles that differ in what a decoder must know (RFC 6184 table 5)."""

    CONSTRAINED_BASELINE = "constrained baseline"
    BASELINE = "baseline"
    MAIN = "main"
    CONSTRAINED_HIGH = "constrained high"
    HIGH = "high"
    OTHER = "other"


# What a profile's content may be sent as, the closest first (ITU-T H.264 annex A)
_SUPERSETS: Mapping[_Profile, tuple[_Profile, ...]] = {
    _Profile.CONSTRAINED_BASELINE: (
        _Profile.CONSTRAINED_BASELINE,
        _Profile.BASELINE,
        _Profile.MAIN,
        _Profile.CONSTRAINED_HIGH,
        _Profile.HIGH,
    ),
    _Profile.BASELINE: (_Profile.BASELINE,),
    _Profile.MAIN: (_Profile.MAIN, _Profile.HIGH),
    _Profile.CONSTRAINED_HIGH: (_Profile.CONSTRAINED_HIGH, _Profile.HIGH),
    _Profile.HIGH: (_Profile.HIGH,),
    _Profile.OTHER: (),
}
# Formally too little. Chrome decodes whatever comes; Safari needs an entry with CABAC for
# Main and High, and constrained high is what these are without interlacing and B-frames.
_LENIENT: Mapping[_Profile, tuple[_Profile, ...]] = {
    _Profile.MAIN: (_Profile.CONSTRAINED_HIGH, _Profile.CONSTRAINED_BASELINE),
    _Profile.HIGH: (_Profile.CONSTRAINED_HIGH, _Profile.CONSTRAINED_BASELINE),
}


def _profile(profile_level_id: str) -> _Profile:
    idc, flags, _ = bytes.fromhex(profile_level_id)
    if idc == 0x42:
        return _Profile.CONSTRAINED_BASELINE if flags & 0x40 else _Profile.BASELINE
    if idc == 0x4D:
        return _Profile.CONSTRAINED_BASELINE if flags & 0x80 else _Profile.MAIN
    if idc == 0x64:
        return _Profile.CONSTRAINED_HIGH if flags & 0x0C == 0x0C else _Profile.HIGH
    return _Profile.OTHER


def _choose_h264(track: SourceTrack, codecs: Sequence[Codec]) -> _Choice | None:
    entries = [(codec, offered) for codec in codecs if (offered := _h264_offer(codec))]
    if not entries:
        return None
    # Before the first SPS we promise the least, which is also what our own encoder makes
    source = (track.profile_level_id or "42e01f").lower()
    codec, offered = min(entries, key=lambda entry: _distance(source, entry[1]))
    is_lenient = _distance(source, offered) > len(_SUPERSETS[_profile(source)])
    return _Choice(codec, _h264_fmtp(codec, offered), is_lenient)


def _distance(source: str, offered: str) -> int:
    """0: the same profile in the same words; beyond the supersets: formally too little."""
    if source[:4] == offered[:4]:
        return 0
    profile = _profile(source)
    lenient = _LENIENT.get(profile, (_Profile.CONSTRAINED_BASELINE,))
    order = [*_SUPERSETS[profile], *lenient, _profile(offered)]
    return 1 + order.index(_profile(offered))


def _h264_offer(codec: Codec) -> str | None:
    """Return the profile-level-id of an entry that we can use; FFmpeg sends mode 1 only."""
    if codec.name.upper() != "H264" or codec.clock_rate != 90_000:
        return None
    if codec.parameters.get("packetization-mode", "0") != "1":
        return None
    offered = codec.parameters.get("profile-level-id", _BASELINE_LEVEL_1)
    return offered.lower() if _PROFILE_LEVEL_ID.fullmatch(offered) else None


def _h264_fmtp(codec: Codec, offered: str) -> str:
    asymmetry = codec.parameters.get("level-asymmetry-allowed") == "1"
    first = "level-asymmetry-allowed=1;" if asymmetry else ""
    return f"{first}packetization-mode=1;profile-level-id={offered}"


def _choose_opus(track: SourceTrack, codecs: Sequence[Codec]) -> _Choice | None:
    for codec in codecs:
        if (codec.name.lower(), codec.clock_rate, codec.channels) == ("opus", 48_000, 2):
            return _Choice(codec, _opus_fmtp(codec, track.channels))
    return None


def _opus_fmtp(codec: Codec, channels: int) -> str:
    parts = []
    minimum = codec.parameters.get("minptime", "")
    if minimum.isascii() and minimum.isdigit() and len(minimum) <= 3:
        parts.append(f"minptime={minimum}")
    if codec.parameters.get("useinbandfec") == "1":
        parts.append("useinbandfec=1")
    if channels == 2:
        parts += ["stereo=1", "sprop-stereo=1"]
    return ";".join(parts)


def _choose_vp8(track: SourceTrack, codecs: Sequence[Codec]) -> _Choice | None:
    del track
    for codec in codecs:
        if (codec.name.upper(), codec.clock_rate) == ("VP8", 90_000):
            return _Choice(codec, "")
    return None


_CHOOSERS: Mapping[str, Callable[[SourceTrack, Sequence[Codec]], _Choice | None]] = {
    "H264": _choose_h264,
    "VP8": _choose_vp8,
    "opus": _choose_opus,
}
