"""The server's SDP answer: read to judge it, and rewritten for aiortc (RFC 8829, 9143).

aiortc wants the transport in every section, the candidates in the last one and a codec it
knows in a rejected one; servers may rightly leave all of these out.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from dragonctl.whep_test.media import Codec

MAX_ANSWER = 256 * 1024  # bytes; a large real answer has 10 KiB
MAX_SECTIONS = 32
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")

Attribute = tuple[str, str]


class AnswerError(ValueError):
    """An answer that no viewer could use; the message completes "the answer …"."""


@dataclass(frozen=True, slots=True)
class Section:
    """One m-line; session attributes come first in ``attributes``, as its defaults."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    own: tuple[Attribute, ...]
    inherited: tuple[Attribute, ...]

    def values(self, name: str) -> list[str]:
        """Every value of an attribute: its own, else those of the session."""
        own = [value for key, value in self.own if key == name]
        return own or [value for key, value in self.inherited if key == name]

    def value(self, name: str) -> str | None:
        return next(iter(self.values(name)), None)

    @property
    def mid(self) -> str | None:
        return self.value("mid")

    @property
    def direction(self) -> str:
        for attributes in (self.own, self.inherited):
            for name, _ in attributes:
                if name in DIRECTIONS:
                    return name
        return "sendrecv"

    @property
    def is_sending(self) -> bool:
        return self.port != 0 and self.direction in {"sendonly", "sendrecv"}


@dataclass(frozen=True, slots=True)
class Description:
    """An SDP document."""

    attributes: tuple[Attribute, ...]
    sections: tuple[Section, ...]

    def candidates(self) -> list[str]:
        """Addresses that the peer offers, as ``10.0.0.5:8189/udp``, without repeats."""
        found = []
        for section in self.sections:
            for value in section.values("candidate"):
                words = value.split()
                if len(words) >= 6:
                    host = f"[{words[4]}]" if ":" in words[4] else words[4]
                    found.append(f"{host}:{words[5]}/{words[2].lower()}")
        return list(dict.fromkeys(found))


def parse(text: str) -> Description:
    """Read an SDP document. Raises AnswerError."""
    if len(text) > MAX_ANSWER:
        raise AnswerError(f"is longer than {MAX_ANSWER} bytes")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or not lines[0].startswith("v="):
        raise AnswerError("is not SDP (it doesn't begin with v=)")
    groups: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("m="):
            groups.append([])
        groups[-1].append(line)
    if not 2 <= len(groups) <= MAX_SECTIONS + 1:
        raise AnswerError(f"has {len(groups) - 1} media sections")
    session = tuple(_attributes(groups[0]))
    return Description(session, tuple(_section(group, session) for group in groups[1:]))


def is_number(word: str, digits: int) -> bool:
    """Tell whether a word is a decimal number of at most so many digits."""
    return len(word) <= digits and word.isascii() and word.isdecimal()


def _attributes(lines: Iterable[str]) -> Iterable[Attribute]:
    for line in lines:
        if line.startswith("a="):
            name, _, value = line[2:].partition(":")
            yield name, value


def _section(lines: list[str], session: tuple[Attribute, ...]) -> Section:
    words = lines[0][2:].split()
    if len(words) < 4 or not is_number(words[1], 5):
        raise AnswerError(f"has a malformed m-line ({lines[0][:60]!r})")
    return Section(
        kind=words[0],
        port=int(words[1]),
        protocol=words[2],
        formats=tuple(words[3:]),
        own=tuple(_attributes(lines[1:])),
        inherited=session,
    )


def codecs(section: Section) -> list[Codec]:
    """List the codecs of a section in its order; malformed lines are left out."""
    parameters = dict(_numbered(section.values("fmtp")))
    names = dict(_numbered(section.values("rtpmap")))
    found = []
    for payload_type in (int(word) for word in section.formats if is_number(word, 3)):
        codec = _codec(payload_type, names.get(payload_type, ""), parameters)
        if codec is not None:
            found.append(codec)
    return found


def _numbered(values: list[str]) -> Iterable[tuple[int, str]]:
    for value in values:
        number, _, rest = value.partition(" ")
        if is_number(number, 3):
            yield int(number), rest.strip()


def _codec(payload_type: int, name: str, parameters: dict[int, str]) -> Codec | None:
    words = name.split("/")
    if len(words) < 2 or not is_number(words[1], 6) or not int(words[1]):
        return None
    fmtp = parameters.get(payload_type, "")
    associated = None
    if words[0].lower() == "rtx":
        apt = fmtp.partition("apt=")[2].partition(";")[0].strip()
        associated = int(apt) if is_number(apt, 3) else -1
    return Codec(
        payload_type=payload_type,
        name=words[0],
        clock_rate=int(words[1]),
        channels=int(words[2]) if len(words) > 2 and words[2] in set("12345678") else 1,
        fmtp=fmtp,
        associated=associated,
    )


def require_usable(answer: Description, offer: Description) -> None:
    """Raise AnswerError if no viewer could connect with this."""
    if len(answer.sections) != len(offer.sections):
        raise AnswerError(
            f"has {len(answer.sections)} media sections, the offer {len(offer.sections)}"
        )
    for mine, theirs in zip(offer.sections, answer.sections, strict=True):
        if mine.kind != theirs.kind:
            raise AnswerError("has its media sections in another order than the offer")
    if not any(section.is_sending for section in answer.sections):
        raise AnswerError("accepts nothing: every section is rejected or sends no media")
    section = transport_section(answer)
    for name in ("ice-ufrag", "ice-pwd", "fingerprint"):
        if not section.value(name):
            raise AnswerError(f"has no a={name}")


def transport_section(answer: Description) -> Section:
    """Return the section that speaks for the bundle: the first one with credentials."""
    usable = [section for section in answer.sections if section.port] or answer.sections
    return next((section for section in usable if section.value("ice-ufrag")), usable[0])


def for_aiortc(answer: Description, offer: Description) -> str:
    """Write the same answer in the form that aiortc understands."""
    transport = _transport_lines(transport_section(answer)) + _candidate_lines(answer)
    lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0"]
    if any(section.value("ice-lite") is not None for section in answer.sections):
        lines.append("a=ice-lite")
    pairs = list(zip(offer.sections, answer.sections, strict=True))
    mids = [mine.mid for mine, theirs in pairs if theirs.port]
    lines.append("a=group:BUNDLE " + " ".join(str(mid) for mid in mids))
    for mine, theirs in pairs:
        source = theirs if theirs.is_sending else mine
        direction = theirs.direction if theirs.is_sending else "inactive"
        formats = " ".join(source.formats)
        lines += [
            f"m={mine.kind} {9 if theirs.port else 0} UDP/TLS/RTP/SAVPF {formats}",
            f"a=mid:{mine.mid}",
            f"a={direction}",
            "a=rtcp-mux",
            *transport,
            *_media_lines(source),
        ]
    return "\r\n".join(lines) + "\r\n"


def _transport_lines(section: Section) -> list[str]:
    lines = [f"a={name}:{section.value(name)}" for name in ("ice-ufrag", "ice-pwd")]
    lines += [
        f"a=fingerprint:{value}"
        for value in section.values("fingerprint")
        if len(value.split()) == 2
    ]
    setup = section.value("setup")
    lines.append(f"a=setup:{setup if setup in {'active', 'passive'} else 'passive'}")
    return lines


def _candidate_lines(answer: Description) -> list[str]:
    """List every candidate once, but never their end.

    At the end aioice gives up when its own checks failed, although the server's may still come
    from an address that is not listed.
    """
    values = (value for section in answer.sections for value in section.values("candidate"))
    return [f"a=candidate:{value}" for value in dict.fromkeys(values) if _is_candidate(value)]


def _is_candidate(value: str) -> bool:
    words = value.split()
    numbers = [words[index] for index in (1, 3, 5)] if len(words) >= 8 else [""]
    return words[6:7] == ["typ"] and all(is_number(number, 10) for number in numbers)


def _media_lines(section: Section) -> list[str]:
    known = {str(codec.payload_type) for codec in codecs(section)}
    lines = []
    for name in ("rtpmap", "fmtp", "rtcp-fb"):
        for value in section.values(name):
            words = value.split()
            if len(words) >= 2 and words[0] in known | {"*"}:
                lines.append(f"a={name}:{value}")
    for value in section.values("extmap"):
        words = value.split()
        if len(words) >= 2 and is_number(words[0].partition("/")[0], 3):
            lines.append(f"a=extmap:{words[0]} {words[1]}")
    for value in section.values("ssrc"):
        number, _, rest = value.partition(" ")
        if is_number(number, 10) and ":" in rest:
            lines.append(f"a=ssrc:{value}")
    return lines
