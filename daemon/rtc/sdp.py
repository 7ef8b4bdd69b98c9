"""Descriptions from viewers: an offer, or a trickle fragment, becomes values (RFC 8866, 8840).

Strict where a value is used or sent back, deaf to all else. The order of lines within a section
doesn't matter, and what the session level says is a default for each section (RFC 8829 section
5.8): Firefox relies on both.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from daemon.errors import SdpError

MAX_BYTES = 64 * 1024  # a browser's offer has 6 to 9 KiB
MAX_LINES = 1000
MAX_LINE_BYTES = 2048
MAX_SECTIONS = 8
MAX_CANDIDATES = 16

DIRECTIONS = ("inactive", "sendonly", "recvonly", "sendrecv")
WANTED_DIRECTIONS = frozenset({"recvonly", "sendrecv"})
# RFC 8829 section 5.1.2: other names for the same thing are to be understood
PROTOCOLS = frozenset(
    {
        "UDP/TLS/RTP/SAVPF",
        "UDP/TLS/RTP/SAVP",
        "TCP/DTLS/RTP/SAVPF",
        "TCP/DTLS/RTP/SAVP",
        "RTP/SAVPF",
        "RTP/SAVP",
    }
)
DIGEST_BYTES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")
_LINE = re.compile(r"[a-z]=.*", re.DOTALL)
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}")  # RFC 8866 section 9
_PROTOCOL = re.compile(r"[A-Za-z0-9/._-]{1,64}")
_NUMBER = re.compile(r"[0-9]{1,5}")
_PORT = re.compile(r"[0-9]{1,5}(/[0-9]{1,5})?")
_RTPMAP = re.compile(rf"([0-9]{{1,3}}) +({_TOKEN.pattern})/([0-9]{{1,6}})(?:/([0-9]{{1,2}}))?")
_EXTMAP = re.compile(r"([1-9]|1[0-4])(?:/(\w+))? +(\S{1,200})(?: .*)?")
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")  # RFC 8839 section 5.4
_PWD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_HEX = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*")


@dataclass(frozen=True, slots=True)
class Codec:
    """A format of a section with its rtpmap; ``channels`` is 1 where nothing is said."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int
    parameters: Mapping[str, str]  # fmtp, names in lower case
    feedback: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Transport:
    """How to reach, and to trust, the viewer."""

    ufrag: str
    pwd: str
    fingerprints: tuple[tuple[str, bytes], ...]  # name of the hash, digest
    setup: str
    has_rtcp_mux: bool
    candidates: tuple[str, ...]  # as text: we never send to them, and never resolve names


@dataclass(frozen=True, slots=True)
class Media:
    """One m= section. ``mid`` is empty where the offer gives none."""

    kind: str
    protocol: str
    formats: tuple[str, ...]
    mid: str
    direction: str
    is_open: bool  # not refused by port 0
    has_reduced_size_rtcp: bool
    has_reference_times: bool  # its reports want an answer with our clock (RFC 3611, 5.1)
    extensions: tuple[tuple[str, int], ...]  # header extensions: URI, id (RFC 8285)
    codecs: tuple[Codec, ...]  # the preferred one first
    transport: Transport | None

    @property
    def is_media(self) -> bool:
        """Audio or video in a form that we could send."""
        return self.is_open and self.kind in {"audio", "video"} and self.protocol in PROTOCOLS

    @property
    def is_usable(self) -> bool:
        """The viewer wants to receive something here."""
        return self.is_media and self.direction in WANTED_DIRECTIONS


@dataclass(frozen=True, slots=True)
class Offer:
    """A whole description; ``bundle`` has the mids of the sections that share a transport."""

    media: tuple[Media, ...]
    bundle: tuple[str, ...]
    is_ice_lite: bool

    def transport_of(self, mids: Collection[str]) -> Transport:
        """Return the one that holds for all accepted sections (RFC 9143 section 7.3.2)."""
        by_mid = {media.mid: media.transport for media in self.media if media.is_usable}
        for mid in (*self.bundle, *mids):
            transport = by_mid.get(mid) if mid in mids else None
            if transport is not None:
                return transport
        raise SdpError("no section has a transport")


@dataclass(frozen=True, slots=True)
class Fragment:
    """The body of a trickle PATCH; new credentials mean an ICE restart (RFC 9725, 4.3.3)."""

    ufrag: str | None
    pwd: str | None
    candidates: tuple[str, ...]
    is_complete: bool


@dataclass(slots=True)
class _Section:
    """Lines of one level; an attribute without a value has an empty one."""

    media_line: str = ""
    attributes: dict[str, list[str]] = field(default_factory=dict)

    def first(self, name: str) -> str | None:
        return next(iter(self.attributes.get(name, ())), None)


def parse_offer(text: str) -> Offer:
    """Read a whole description; SdpError for all that breaks RFC 8866 or a limit."""
    session, sections = _read(text)
    if text[:4] not in {"v=0\r", "v=0\n"}:
        raise SdpError("a description begins with v=0")
    if not sections:
        raise SdpError("a description without any m= section")
    media = [_parse_media(section, session) for section in sections]
    bundle = _parse_bundle(session, media)
    media = [_with_transport(one, bundle, media) for one in media]
    return Offer(tuple(media), bundle, "ice-lite" in session.attributes)


def parse_fragment(text: str) -> Fragment:
    """Read ``application/trickle-ice-sdpfrag`` (RFC 8840 section 9)."""
    session, sections = _read(text)
    levels = [session, *sections]
    if not any(level.attributes for level in levels):
        raise SdpError("an empty fragment")
    ufrag, pwd = None, None
    for level in levels:
        if ufrag is None:
            ufrag, pwd = _parse_credentials(level, level)
    return Fragment(
        ufrag=ufrag,
        pwd=pwd,
        candidates=_candidates(levels),
        is_complete=any("end-of-candidates" in level.attributes for level in levels),
    )


def _read(text: str) -> tuple[_Section, list[_Section]]:
    """Split into the session level and the sections, within all limits."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise SdpError("a description has at most 64 KiB")
    if _CONTROL.search(text):
        raise SdpError("control characters in a description")
    lines = text.rstrip("\r\n").replace("\r\n", "\n").split("\n")
    if len(lines) > MAX_LINES:
        raise SdpError("a description has at most 1000 lines")
    levels = [_Section()]
    for line in lines:
        _read_line(line, levels)
    if len(levels) > 1 + MAX_SECTIONS:
        raise SdpError("a description has at most 8 m= sections")
    return levels[0], levels[1:]


def _read_line(line: str, levels: list[_Section]) -> None:
    if len(line.encode("utf-8", "replace")) > MAX_LINE_BYTES or not _LINE.fullmatch(line):
        raise SdpError("a line is a letter, '=' and at most 2 KiB")
    value = line[2:]
    if line[0] == "m":
        levels.append(_Section(value))
    elif line[0] == "a":
        name, _, rest = value.partition(":")
        levels[-1].attributes.setdefault(name, []).append(rest.strip(" "))


def _parse_media(section: _Section, session: _Section) -> Media:
    fields = section.media_line.strip(" ").split(" ")
    if len(fields) < 4:
        raise SdpError("an m= line has a kind, a port, a protocol and formats")
    kind, port, protocol, *formats = fields
    if not _TOKEN.fullmatch(kind) or not _PROTOCOL.fullmatch(protocol):
        raise SdpError("an m= line of an unknown form")
    if not _PORT.fullmatch(port) or not all(_TOKEN.fullmatch(one) for one in formats):
        raise SdpError("an m= line with a bad port or format")
    mid = section.first("mid") or ""
    if mid and not _TOKEN.fullmatch(mid):
        raise SdpError("a mid is a token")
    is_open = int(port.partition("/")[0]) != 0 or "bundle-only" in section.attributes
    formats = list(dict.fromkeys(formats))
    return Media(
        kind=kind,
        protocol=protocol,
        formats=tuple(formats),
        mid=mid,
        direction=_direction(section) or _direction(session) or "sendrecv",
        is_open=is_open,
        has_reduced_size_rtcp="rtcp-rsize" in section.attributes,
        has_reference_times=any(
            "rcvr-rtt=" in value for value in section.attributes.get("rtcp-xr", ())
        ),
        extensions=_parse_extensions(section),
        codecs=_parse_codecs(section, formats) if protocol in PROTOCOLS else (),
        transport=_parse_transport(section, session) if is_open else None,
    )


def _direction(level: _Section) -> str | None:
    return next((name for name in DIRECTIONS if name in level.attributes), None)


def _parse_codecs(section: _Section, formats: list[str]) -> tuple[Codec, ...]:
    if not all(_NUMBER.fullmatch(one) and int(one) < 128 for one in formats):
        raise SdpError("an RTP payload type is a number below 128")
    parameters = _by_payload_type(section, "fmtp")
    feedback = _by_payload_type(section, "rtcp-fb")
    codecs: dict[int, Codec] = {}
    for value in section.attributes.get("rtpmap", ()):
        match = _RTPMAP.fullmatch(value)
        if match is None:
            raise SdpError("an rtpmap of an unknown form")
        number, name, clock_rate, channels = match.groups()
        if int(number) not in codecs:
            codecs[int(number)] = Codec(
                payload_type=int(number),
                name=name,
                clock_rate=int(clock_rate),
                channels=int(channels or 1),
                parameters=_parse_parameters(parameters.get(number, [])),
                feedback=tuple(feedback.get(number, []) + feedback.get("*", [])),
            )
    return tuple(codecs[int(one)] for one in formats if int(one) in codecs)


def _parse_extensions(section: _Section) -> tuple[tuple[str, int], ...]:
    """Read the ids that fit the one-byte form; other lines concern others."""
    found: dict[str, int] = {}
    for value in section.attributes.get("extmap", ()):
        match = _EXTMAP.fullmatch(value)
        if match is not None and match[2] not in {"sendonly", "inactive"}:
            found.setdefault(match[3], int(match[1]))
    return tuple(found.items())


def _by_payload_type(section: _Section, name: str) -> dict[str, list[str]]:
    """Sort the values of an attribute by the payload type, or ``*``, that each begins with."""
    values: dict[str, list[str]] = {}
    for value in section.attributes.get(name, ()):
        number, _, rest = value.partition(" ")
        values.setdefault(number, []).append(" ".join(rest.split()))
    return values


def _parse_parameters(values: list[str]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for part in ";".join(values).split(";"):
        name, _, value = part.partition("=")
        parameters.setdefault(name.strip().lower(), value.strip())
    return parameters


def _parse_transport(section: _Section, session: _Section) -> Transport | None:
    """None for a section that leaves this to the first of its group (RFC 9143, 7.1.3)."""
    ufrag, pwd = _parse_credentials(section, session)
    if ufrag is None or pwd is None:
        return None
    level = section if "fingerprint" in section.attributes else session
    digests = [_parse_fingerprint(value) for value in level.attributes.get("fingerprint", ())]
    known = tuple(digest for digest in digests if digest is not None)
    if not known:
        raise SdpError("no fingerprint of sha-256, sha-384 or sha-512")
    # Without a=setup the offerer would be active (RFC 4145 section 4), which suits us
    setup = section.first("setup") or session.first("setup") or "active"
    has_mux = not section.attributes.keys().isdisjoint({"rtcp-mux", "rtcp-mux-only"})
    return Transport(ufrag, pwd, known, setup, has_mux, _candidates([section]))


def _parse_credentials(section: _Section, session: _Section) -> tuple[str | None, str | None]:
    ufrag = section.first("ice-ufrag") or session.first("ice-ufrag")
    pwd = section.first("ice-pwd") or session.first("ice-pwd")
    if (ufrag is None) != (pwd is None):
        raise SdpError("ICE credentials come in pairs")
    if ufrag is not None and not _UFRAG.fullmatch(ufrag):
        raise SdpError("an ICE ufrag has 4 to 256 letters, digits, '+' or '/'")
    if pwd is not None and not _PWD.fullmatch(pwd):
        raise SdpError("an ICE password has 22 to 256 letters, digits, '+' or '/'")
    return ufrag, pwd


def _parse_fingerprint(value: str) -> tuple[str, bytes] | None:
    """None for a hash that we don't accept, such as SHA-1."""
    name, _, digest = value.partition(" ")
    size = DIGEST_BYTES.get(name.lower())
    if size is None:
        return None
    if len(digest) != 3 * size - 1 or not _HEX.fullmatch(digest):
        raise SdpError("a fingerprint of an unknown form")
    return name.lower(), bytes.fromhex(digest.replace(":", ""))


def _candidates(levels: list[_Section]) -> tuple[str, ...]:
    lines = [line for level in levels for line in level.attributes.get("candidate", ())]
    return tuple(lines[:MAX_CANDIDATES])


def _parse_bundle(session: _Section, media: list[Media]) -> tuple[str, ...]:
    mids = [one.mid for one in media if one.mid]
    if len(set(mids)) < len(mids):
        raise SdpError("two sections with the same mid")
    open_mids = {one.mid for one in media if one.is_open and one.mid}
    for value in session.attributes.get("group", ()):
        semantics, _, members = value.partition(" ")
        if semantics == "BUNDLE":
            return tuple(mid for mid in dict.fromkeys(members.split()) if mid in open_mids)
    return ()


def _with_transport(one: Media, bundle: tuple[str, ...], media: list[Media]) -> Media:
    if one.transport is not None or not one.is_media:
        return one
    by_mid = {other.mid: other.transport for other in media}
    shared = (by_mid[mid] for mid in bundle if one.mid in bundle)
    transport = next((way for way in shared if way is not None), None)
    if transport is None:
        raise SdpError("no ICE credentials")
    return replace(one, transport=transport)
