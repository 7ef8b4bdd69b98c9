"""A WHEP client for any server: N viewers, one report (draft-ietf-wish-whep)."""

import asyncio
from collections.abc import Callable, Sequence

import httpx

from dragonctl.whep_test import verdict
from dragonctl.whep_test.checks import ask_more, check_protocol
from dragonctl.whep_test.decode import save_png
from dragonctl.whep_test.model import (
    Check,
    Level,
    Options,
    Percentiles,
    Reason,
    Report,
    Verdict,
    ViewerReport,
    public_url,
)
from dragonctl.whep_test.signalling import Signalling
from dragonctl.whep_test.viewer import Viewer

RAMP_INTERVAL = 0.05  # seconds between two viewers' starts
DECODING_VIEWERS = 8  # of a crowd; the others count packets, else we measure our own decoder
LAG_INTERVAL = 0.1  # seconds
LAG_LIMIT = 0.25  # seconds; from here on our numbers are about this machine
SUMMARY: dict[str, Callable[[ViewerReport], float | None]] = {
    "answer_ms": lambda viewer: viewer.answer_ms,
    "ice_ms": lambda viewer: viewer.ice_ms,
    "dtls_ms": lambda viewer: viewer.dtls_ms,
    "first_video_rtp_ms": lambda viewer: viewer.first_video_rtp_ms,
    "first_audio_rtp_ms": lambda viewer: viewer.first_audio_rtp_ms,
    "first_picture_ms": lambda viewer: viewer.first_picture_ms,
    "video_loss_percent": lambda viewer: viewer.video.loss_percent if viewer.video else None,
    "video_jitter_ms": lambda viewer: viewer.video.jitter_ms if viewer.video else None,
    "longest_freeze_ms": lambda v: v.picture.longest_freeze_ms if v.picture else None,
}


async def run(options: Options) -> Report:
    """Test a server. Cancelling it deletes the sessions before it ends."""
    limits = httpx.Limits(max_connections=options.viewers, max_keepalive_connections=8)
    async with httpx.AsyncClient(
        verify=options.verify_tls, timeout=options.timeout, limits=limits
    ) as http:
        signalling = Signalling(http, options)
        viewers = [
            Viewer(number, options, signalling, decodes=number <= DECODING_VIEWERS)
            for number in range(1, options.viewers + 1)
        ]
        reports, lag = await _run_viewers(viewers)
        checks = await _check(options, signalling, viewers[0], reports[0])
    reasons = verdict.merge(reports)
    saved = await _save(options, viewers, reasons)
    if options.strict:
        reasons += [
            Reason(c.id, c.text) for c in checks if c.level is Level.MUST and not c.is_met
        ]
    return Report(
        url=public_url(options.url),
        verdict=Verdict.BAD if reasons else Verdict.GOOD,
        reasons=reasons,
        viewers=reports,
        checks=checks,
        notes=_notes(reports, lag),
        summary=summarise(reports),
        saved=saved,
    )


def _notes(reports: Sequence[ViewerReport], lag: float) -> list[str]:
    notes = [note for note in map(verdict.note_offset, reports) if note is not None][:1]
    if lag > LAG_LIMIT:
        text = f"this machine was late by up to {1000 * lag:.0f} ms"
        notes.append(f"{text}: the numbers may be its own, not the server's")
    return notes


async def _run_viewers(viewers: Sequence[Viewer]) -> tuple[list[ViewerReport], float]:
    lags = [0.0]
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(_watch_lag(lags))
        async with asyncio.TaskGroup() as crowd:
            tasks: list[asyncio.Task[ViewerReport]] = []
            for viewer in viewers:
                if tasks:
                    await asyncio.sleep(RAMP_INTERVAL)
                tasks.append(crowd.create_task(viewer.run()))
        watch.cancel()
    return [task.result() for task in tasks], max(lags)


async def _watch_lag(lags: list[float]) -> None:
    """Note how late this event loop is: a late loop makes freezes and jitter of its own."""
    clock = asyncio.get_running_loop().time
    while True:
        before = clock()
        await asyncio.sleep(LAG_INTERVAL)
        lags[0] = max(lags[0], clock() - before - LAG_INTERVAL)


async def _check(
    options: Options, signalling: Signalling, viewer: Viewer, report: ViewerReport
) -> list[Check]:
    if viewer.exchange is None:
        return []
    checks = check_protocol(options, viewer.exchange, viewer.offer, report)
    if options.strict:
        checks += await ask_more(signalling, viewer.exchange.url)
    return checks


async def _save(
    options: Options, viewers: Sequence[Viewer], reasons: list[Reason]
) -> str | None:
    if options.save is None:
        return None
    picture = next((viewer.picture for viewer in viewers if viewer.picture is not None), None)
    if picture is None:
        return None  # the reasons tell why there was none
    try:
        await asyncio.to_thread(save_png, picture, options.save)
    except OSError as error:
        text = f"the picture could not be written to {options.save}: {error.strerror}"
        reasons.append(Reason("save-failed", text))
        return None
    return str(options.save)


def summarise(reports: Sequence[ViewerReport]) -> dict[str, Percentiles]:
    """Spread each number over the viewers that have it; nearest rank."""
    summary = {}
    for name, pick in SUMMARY.items():
        values = sorted(value for value in map(pick, reports) if value is not None)
        if values:
            half, most = len(values) // 2, max(0, -(-95 * len(values) // 100) - 1)
            summary[name] = Percentiles(
                count=len(values),
                p50=values[half if len(values) % 2 else half - 1],
                p95=values[most],
                worst=values[-1],
            )
    return summary
