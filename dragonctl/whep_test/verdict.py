"""Reasons: from what was seen to a sentence that says what to do about it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from dragonctl.whep_test.model import PictureReport, Reason, TrackReport, ViewerReport
from dragonctl.whep_test.signalling import SDP, Exchange

LOSS_LIMIT_PERCENT = 2.0  # above, decoders without luck show it
FREEZE_LIMIT_MS = 1000  # a shorter one is a note in the numbers, not a verdict
LONG_FREEZE_SHARE = 0.5  # of the time watched, if that is short
FROZEN_LIMIT_SHARE = 0.2  # of the time watched, all freezes together
AV_OFFSET_LIMIT_MS = 200.0  # people notice lips from about here on

# status: (code, what it means and what to do)
STATUSES: Mapping[int, tuple[str, str]] = {
    400: ("offer-refused", "the server can't read our offer: look at its log"),
    401: ("unauthorized", "the server wants a token: --token or log in"),
    403: ("forbidden", "the token lacks the right to watch this: ask for another one"),
    404: ("not-found", "no such endpoint or process, or WebRTC is off there: check the URL"),
    405: ("not-whep", "the address takes no POST: check that it is the WHEP endpoint"),
    409: ("not-ready", "the source has no media yet: start it, or try again later"),
    413: ("offer-refused", "the server finds our offer too long: raise its limit"),
    415: ("offer-refused", "the server doesn't take application/sdp: is it WHEP?"),
    422: ("offer-refused", "the server can't serve this offer: compare the codecs"),
    429: ("rate-limited", "the server counts too many requests: slow down or wait"),
    503: ("overloaded", "the server is full or shutting down: try again later"),
}


def judge_exchange(exchange: Exchange) -> Reason | None:
    """Say why an answered POST leads nowhere; None if it leads on."""
    status = exchange.status
    if status == 201:
        return None
    if status == 406 and exchange.media_type == SDP:
        text = "406: the server makes a counter-offer, which is not supported here"
        return Reason("counter-offer", f"{text}: let it accept offers (201)")
    if status == 200 and exchange.body.startswith("v="):
        return None  # not what the draft says, but the answer can be used; post-201 tells
    code, advice = STATUSES.get(status, _other(status))
    words = exchange.words()
    said = f" (it says: {words})" if words else ""
    retry = exchange.headers.get("retry-after", "")
    wait = f" (after {retry} s)" if retry.isascii() and retry.isdecimal() else ""
    return Reason(code, f"{status}: {advice}{wait}{said}")


def _other(status: int) -> tuple[str, str]:
    if status >= 500:
        return "server-error", "the server failed: look at its log"
    return "unexpected-status", "not the 201 of WHEP: check the URL"


def ice_timeout(seconds: float, candidates: Sequence[str]) -> Reason:
    """No pair answered our checks."""
    if not candidates:
        text = "the answer has no ICE candidates: set the server's public address"
        return Reason("no-candidates", text)
    listed = ", ".join(candidates[:6]) + (", …" if len(candidates) > 6 else "")
    text = f"ICE did not connect in {seconds:g} s: the server answered with the candidates"
    return Reason("ice-timeout", f"{text} {listed}; check firewall and public_ip")


def dtls_failed(seconds: float | None, remote: str) -> Reason:
    """Say that the handshake failed (``seconds`` is None) or never ended."""
    if seconds is None:
        text = (
            f"the DTLS handshake with {remote} failed: is the certificate that of the answer?"
        )
        return Reason("dtls-failed", f"{text} (a=fingerprint), and is SRTP offered?")
    text = f"DTLS did not connect within {seconds:g} s after ICE with {remote}"
    return Reason("dtls-timeout", f"{text}: does the server pass DTLS on, up to 1200 bytes?")


def judge_media(report: ViewerReport, *, timeout: float, ended: str | None) -> list[Reason]:
    """Judge a viewer that was connected. ``ended``: how the server ended it, or None."""
    reasons = []
    if ended is not None:
        text = f"server ended the session after {report.watched_seconds:.1f} s ({ended})"
        reasons.append(Reason("server-ended", f"{text}: look at the server's log for why"))
    waited = f"within {timeout:g} s after DTLS connected"
    packets = [track.packets for track in (report.video, report.audio) if track]
    if not any(packets):
        text = f"no RTP came {waited}: does the source run, and has it media?"
        return [*reasons, Reason("no-rtp", text)]
    if report.video is not None:
        reasons += _judge_video(report, report.video, waited)
    if report.audio is not None:
        reasons += _judge_audio(report, report.audio, waited)
    return reasons


def note_offset(report: ViewerReport) -> str | None:
    """Word a large offset; only a note, since some servers' reports say when they sent."""
    offset = report.av_offset_ms
    if offset is None or abs(offset) <= AV_OFFSET_LIMIT_MS:
        return None
    late = "picture" if offset > 0 else "sound"
    text = f"the {late} comes {abs(offset):.0f} ms late by the sender reports"
    return f"{text}: check the source's timestamps"


def _judge_video(report: ViewerReport, video: TrackReport, waited: str) -> list[Reason]:
    if not video.packets:
        text = f"no {video.codec} packets came {waited}, although the answer has video"
        return [Reason("no-video-rtp", f"{text}: does the source have a video stream?")]
    reasons = list(_judge_loss("video", video))
    if report.is_decoded and report.picture is None:
        return [*reasons, _no_picture(video, waited)]
    if not report.is_decoded and not video.key_frames:
        return [*reasons, _no_picture(video, waited)]
    if report.picture is not None:
        reasons += _judge_picture(report, report.picture, video)
    return reasons


def _no_picture(video: TrackReport, waited: str) -> Reason:
    seen = f"no {video.codec} picture {waited}: packets came ({video.packets})"
    if not video.key_frames:
        text = f"{seen} but no key frame: lengthen --timeout or shorten the GOP"
        return Reason("no-key-frame", text)
    if video.lost:
        text = f"{seen}, {video.lost} were lost: check the network, and the packet size (1200)"
        return Reason("no-picture", text)
    profile = f" (it sends profile {video.profile_sent})" if video.profile_sent else ""
    text = f"{seen} with key frames, but nothing decodes{profile}: check the encoder's settings"
    return Reason("no-picture", text)


def _judge_picture(
    report: ViewerReport, picture: PictureReport, video: TrackReport
) -> Iterable[Reason]:
    watched_ms = 1000 * report.watched_seconds
    long_ms = min(FREEZE_LIMIT_MS, LONG_FREEZE_SHARE * watched_ms)
    is_long = picture.longest_freeze_ms >= long_ms
    is_much = picture.frozen_ms >= max(FREEZE_LIMIT_MS, FROZEN_LIMIT_SHARE * watched_ms)
    if picture.black:
        text = f"the picture is black (mean luma {picture.mean_luma:g} of 255)"
        yield Reason("video-black", f"{text}: check the camera or the source")
    elif picture.freezes and (is_long or is_much):
        what = "did not change" if picture.longest_freeze_kind == "unchanged" else "stopped"
        text = f"the picture {what} for up to {picture.longest_freeze_ms} ms"
        total = f"({picture.freezes} freezes, {picture.frozen_ms} ms in all)"
        cause = "packets were lost" if video.lost else "check the source and the server's load"
        yield Reason("video-frozen", f"{text} {total}: {cause}")


def _judge_audio(report: ViewerReport, audio: TrackReport, waited: str) -> Iterable[Reason]:
    if not audio.packets:
        text = f"no {audio.codec} packets came {waited}, although the answer has audio"
        yield Reason("no-audio-rtp", f"{text}: does the source have an audio stream?")
        return
    yield from _judge_loss("audio", audio)
    if report.is_decoded and report.sound is None:
        text = f"{audio.packets} {audio.codec} packets came, but nothing decodes"
        yield Reason("no-sound", f"{text}: check the audio encoder")
    elif report.sound is not None and report.sound.silent:
        text = f"the sound is silent (peak {report.sound.peak_dbfs:g} dBFS)"
        yield Reason("audio-silent", f"{text}: check the microphone, the source or its mapping")


def _judge_loss(kind: str, track: TrackReport) -> Iterable[Reason]:
    if track.loss_percent > LOSS_LIMIT_PERCENT:
        text = f"{track.loss_percent:g} % of the {kind} packets were lost ({track.lost})"
        advice = "check the network, UDP buffers and the server's CPU"
        yield Reason("packet-loss" if kind == "video" else "audio-loss", f"{text}: {advice}")


def merge(viewers: Sequence[ViewerReport]) -> list[Reason]:
    """Put the reasons of all viewers together, one for each code, the most frequent first."""
    counts = Counter(reason.code for viewer in viewers for reason in viewer.reasons)
    texts: dict[str, str] = {}
    for viewer in viewers:
        for reason in viewer.reasons:
            texts.setdefault(reason.code, reason.text)
    if len(viewers) == 1:
        return [Reason(code, text) for code, text in texts.items()]
    total = len(viewers)
    return [
        Reason(code, f"{count} of {total} viewers: {texts[code]}")
        for code, count in counts.most_common()
    ]
