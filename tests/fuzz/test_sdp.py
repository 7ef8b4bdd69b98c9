"""Bent offers: SdpError or NegotiationError, or an answer that offers nothing new (FZ4)."""

from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import NegotiationError, SdpError
from daemon.rtc import answer, codecs, sdp
from tests.unit.rtc.offers import MINIMAL, NAMES, load
from tests.unit.rtc.test_answer import local

OFFERS = [load(name) for name in NAMES] + [MINIMAL]
LINES = sorted({line for offer in OFFERS for line in offer.split("\r\n")})
SOURCES = [
    codecs.SourceTrack("video", "H264", "640028", 0),
    codecs.SourceTrack("audio", "opus", None, 2),
]

# A line, where it goes, and what becomes of the one that is there
edits = st.lists(
    st.tuples(
        st.sampled_from(["delete", "repeat", "insert", "cut", "garble", "swap"]),
        st.integers(0, 250),
        st.integers(0, 250),
        st.one_of(st.sampled_from(LINES), st.text(max_size=20)),
    ),
    max_size=6,
)


def bend(offer: str, changes: list[tuple[str, int, int, str]], end: str) -> str:
    lines = offer.split("\r\n")
    for how, at, other, text in changes:
        place, second = at % len(lines), other % len(lines)
        if how == "delete":
            lines[place : place + 1] = [] if len(lines) > 1 else [""]
        elif how == "repeat":
            lines.insert(second, lines[place])
        elif how == "insert":
            lines.insert(place, text)
        elif how == "cut":
            lines[place] = lines[place][: other % 40]
        elif how == "garble":
            split = other % (len(lines[place]) + 1)
            lines[place] = lines[place][:split] + text[:8] + lines[place][split + 1 :]
        else:
            lines[place], lines[second] = lines[second], lines[place]
    return end.join(lines)


def check(text: str) -> None:
    """Do what a POST would do; much must hold for each answer."""
    try:
        offer = sdp.parse_offer(text)
        tracks = codecs.negotiate(offer, SOURCES)
    except (SdpError, NegotiationError):
        return
    written = answer.build_answer(offer, tracks, local([track.mid for track in tracks]))
    parsed = sdp.parse_offer(written)
    assert len(parsed.media) == len(offer.media)
    accepted = [media for media in parsed.media if media.is_open]
    assert len(accepted) == len(tracks)
    for ours, theirs in zip(parsed.media, offer.media, strict=True):
        assert (ours.kind, ours.mid, ours.protocol) == (
            theirs.kind,
            theirs.mid,
            theirs.protocol,
        )
        assert set(ours.formats) <= set(theirs.formats)
        assert ours.direction == ("sendonly" if ours.is_open else "inactive")
    offered = {
        (codec.payload_type, codec.name, codec.clock_rate, feedback)
        for media in offer.media
        for codec in media.codecs
        for feedback in codec.feedback
    }
    for media in accepted:
        for codec in media.codecs:
            for feedback in codec.feedback:
                key = (codec.payload_type, codec.name, codec.clock_rate, feedback)
                assert key in offered
    answer.build_fragment(local([track.mid for track in tracks]), offer)


@given(st.sampled_from(OFFERS), edits, st.sampled_from(["\r\n", "\n"]))
def test_bent_offers(offer: str, changes: list[tuple[str, int, int, str]], end: str) -> None:
    check(bend(offer, changes, end))


@given(st.lists(st.sampled_from(LINES), max_size=60))
def test_lines_at_random(lines: list[str]) -> None:
    check("\r\n".join(["v=0", *lines]))


@given(st.text())
def test_any_text(text: str) -> None:
    check(text)
    try:
        sdp.parse_fragment(text)
    except SdpError:
        return


@given(st.lists(st.sampled_from(LINES), max_size=12), st.sampled_from(["\r\n", "\n"]))
def test_fragments_at_random(lines: list[str], end: str) -> None:
    try:
        fragment = sdp.parse_fragment(end.join(lines))
    except SdpError:
        return
    assert (fragment.ufrag is None) == (fragment.pwd is None)
    assert len(fragment.candidates) <= sdp.MAX_CANDIDATES
