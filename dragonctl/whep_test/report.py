"""A report for people: one rich table. For machines there is ``Report.to_json``."""

from rich.table import Table
from rich.text import Text

from dragonctl.whep_test.model import Report, TrackReport, Verdict, ViewerReport


def text(words: str, style: str = "") -> Text:
    """Wrap words of unknown origin: no markup, and no control character for the terminal."""
    return Text("".join(char for char in words if char.isprintable()), style=style)


def table(report: Report) -> Table:
    """Draw a report; nothing the server said is read as markup."""
    is_good = report.verdict is Verdict.GOOD
    title = Text.assemble(
        f"WHEP test of {report.url}: ",
        (str(report.verdict), "bold green" if is_good else "bold red"),
    )
    drawn = Table(title=title, show_header=False, title_justify="left")
    drawn.add_column("what", style="bold", no_wrap=True)
    drawn.add_column("seen")
    for reason in report.reasons:
        drawn.add_row(text(reason.code, style="red"), text(reason.text))
    rows = _viewer_rows(report.viewers[0]) if len(report.viewers) == 1 else _crowd_rows(report)
    for name, words in rows:
        drawn.add_row(text(name), text(words))
    if report.saved:
        drawn.add_row("picture saved", text(report.saved))
    for check in report.checks:
        if not check.is_met:
            drawn.add_row(text(f"{check.level} {check.id}", style="yellow"), text(check.text))
    for note in report.notes:
        drawn.add_row(text("note", style="yellow"), text(note))
    return drawn


def _viewer_rows(viewer: ViewerReport) -> list[tuple[str, str]]:
    rows = [("HTTP status", str(viewer.http_status or "no answer"))]
    moments = (
        ("answer", viewer.answer_ms),
        ("ICE", viewer.ice_ms),
        ("DTLS", viewer.dtls_ms),
        ("video RTP", viewer.first_video_rtp_ms),
        ("audio RTP", viewer.first_audio_rtp_ms),
        ("picture", viewer.first_picture_ms),
    )
    reached = [f"{name} {ms:.0f}" for name, ms in moments if ms is not None]
    rows.append(("ms since POST", ", ".join(reached) or "nothing was reached"))
    if viewer.remote_address:
        rows.append(("path", f"{viewer.local_address} to {viewer.remote_address}"))
    if viewer.srtp_profile:
        rows.append(("SRTP", viewer.srtp_profile))
    for kind, track in (("video", viewer.video), ("audio", viewer.audio)):
        if track is not None:
            rows.append((kind, _track(track)))
    rows += _decoded_rows(viewer)
    is_session = viewer.http_status is not None and viewer.http_status < 300
    if is_session or viewer.delete_status is not None:
        rows.append(("DELETE", str(viewer.delete_status or "no answer")))
    return rows


def _track(track: TrackReport) -> str:
    profile = f", sends {track.profile_sent}" if track.profile_sent else ""
    return (
        f"{track.codec} ({track.fmtp or 'no parameters'}{profile}), "
        f"{track.bitrate_bits / 1000:.0f} kbit/s, {track.packets} packets, "
        f"{track.lost} lost ({track.loss_percent:g} %), {track.recovered} recovered, "
        f"jitter {track.jitter_ms:g} ms"
    )


def _decoded_rows(viewer: ViewerReport) -> list[tuple[str, str]]:
    rows = []
    picture, sound = viewer.picture, viewer.sound
    if picture is not None:
        freezes = f"{picture.freezes} freezes, longest {picture.longest_freeze_ms} ms"
        luma = f"mean luma {picture.mean_luma:g}{' (black)' if picture.black else ''}"
        size = f"{picture.width}x{picture.height} at {picture.fps:g} fps"
        rows.append(("picture", f"{size}, {freezes}, {luma}"))
    if sound is not None:
        level = f"peak {sound.peak_dbfs:g} dBFS, RMS {sound.rms_dbfs:g} dBFS"
        rows.append(("sound", f"{level}{' (silent)' if sound.silent else ''}"))
    if viewer.av_offset_ms is not None:
        rows.append(("picture after sound", f"{viewer.av_offset_ms:g} ms"))
    return rows


def _crowd_rows(report: Report) -> list[tuple[str, str]]:
    content = sum(not viewer.reasons for viewer in report.viewers)
    rows = [("viewers", f"{content} of {len(report.viewers)} good")]
    for name, spread in report.summary.items():
        spread_text = f"p50 {spread.p50:g}, p95 {spread.p95:g}, worst {spread.worst:g}"
        rows.append((name, f"{spread_text} ({spread.count} viewers)"))
    return rows
