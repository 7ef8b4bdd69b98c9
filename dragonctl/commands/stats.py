"""stats: a live table of processes and viewers, plain lines off a terminal, or JSON lines."""

import os
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from dragonctl import render, unit
from dragonctl.commands.option import Json, OptionalProcessId, connect
from dragonctl.commands.sample import Sample, as_json, process_rows, take, viewer_rows
from dragonctl.errors import ClientError
from dragonctl.follow import pauses, until_interrupted
from dragonctl.unit import NOTHING

if TYPE_CHECKING:
    from rich.console import Group

    from dragonctl.client import Client

PROCESS_COLUMNS = (
    "*process", "order", "state", ">since", ">fps", ">bitrate", ">speed", ">cpu", ">memory",
    ">viewers",
)  # fmt: skip
VIEWER_COLUMNS = (
    "*process", "viewer", "state", "*address", ">for", ">bitrate", ">lost", ">jitter", ">rtt",
    ">dropped", "program",
)  # fmt: skip

Once = Annotated[bool, typer.Option("--once", help="Look once and end.")]
Interval = Annotated[
    float, typer.Option(metavar="SECONDS", min=0.1, max=3600, help="Time between two looks.")
]


class Screen(Protocol):
    """Where samples are shown."""

    def show(self, sample: Sample, before: Sample | None) -> None: ...

    def warn(self, words: str) -> None:
        """Say that there is no sample, for once."""


def stats(
    process_id: OptionalProcessId = None,
    *,
    once: Once = False,
    interval: Interval = 1.0,
    json: Json = False,
) -> None:
    """Show processes and viewers live, until Ctrl-C."""
    with (
        until_interrupted(),
        connect() as client,
        screen(is_json=json, is_live=not once) as shown,
    ):
        watch(client, process_id, shown, pauses(not once, interval))


def watch(
    client: "Client", process_id: str | None, shown: Screen, turns: Iterator[None]
) -> None:
    """Take and show a sample per turn. Who was there once and is gone is waited for."""
    before: Sample | None = None
    for _ in turns:
        try:
            sample = take(client, process_id, time.time())
        except ClientError as error:
            if before is None or error.status:
                raise
            shown.warn(f"{error.message}; trying again")
            continue
        shown.show(sample, before)
        before = sample


@contextmanager
def screen(*, is_json: bool, is_live: bool) -> Iterator[Screen]:
    """Choose: JSON lines, plain lines, a table, or a table that changes in place."""
    if is_json:
        yield JsonLines()
    elif not is_live:
        yield Tables()
    elif not render.is_terminal():
        yield PlainLines()
    else:
        with _quiet_keyboard(), LiveTable() as live:
            yield live


@contextmanager
def _quiet_keyboard() -> Iterator[None]:
    """Let no key leave its mark in the table: "^C" would move it by a line."""
    try:
        terminal = sys.stdin.fileno()
        is_ours = os.isatty(terminal) and os.tcgetpgrp(terminal) == os.getpgrp()
    except (OSError, ValueError):
        is_ours = False
    if not is_ours:
        yield
        return
    before = termios.tcgetattr(terminal)
    quiet = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(terminal, termios.TCSADRAIN, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


class JsonLines:
    """One JSON object per sample and line."""

    def show(self, sample: Sample, before: Sample | None) -> None:
        typer.echo(render.to_json(as_json(sample, before), is_compact=True))

    def warn(self, words: str) -> None:
        render.note(words)


class PlainLines:
    """One line per process, and per viewer below it: for logs and pipes."""

    def show(self, sample: Sample, before: Sample | None) -> None:
        clock = f"{datetime.fromtimestamp(sample.time):%H:%M:%S}"  # noqa: DTZ006 - local, for a person
        for row in process_rows(sample):
            name, _, state, since, fps, bitrate, speed, cpu, memory, viewers = row
            parts = [f"{state} for {since}"]
            if state == "running":
                parts += [f"{fps} fps", bitrate, f"speed {speed}", f"{cpu} CPU", memory]
            if viewers.isdecimal():
                parts.append(unit.count(int(viewers), "viewer"))
            words = ", ".join(part for part in parts if part != NOTHING)
            typer.echo(render.clean(f"{clock} {name}: {words}"))
        for row in viewer_rows(sample, before):
            name, viewer, state, address, connected, bitrate, *quality, program = row
            lost, jitter, rtt, dropped = quality
            parts = [
                f"viewer {viewer} {state}",
                *(part for part in (address, program, connected, bitrate) if part != NOTHING),
                *([f"{lost} lost"] if lost != NOTHING else []),
                *([f"jitter {jitter}"] if jitter != NOTHING else []),
                *([f"RTT {rtt}"] if rtt != NOTHING else []),
                *([f"{dropped} frames dropped"] if dropped not in ("0", NOTHING) else []),
            ]
            typer.echo(render.clean(f"{clock} {name}: {', '.join(parts)}"))

    def warn(self, words: str) -> None:
        render.note(words)


class Tables:
    """Both tables, once."""

    def show(self, sample: Sample, before: Sample | None) -> None:
        render.console().print(drawn(sample, before))

    def warn(self, words: str) -> None:
        render.note(words)


class LiveTable:
    """Both tables, painted over each other in place."""

    def __init__(self) -> None:
        from rich.live import Live

        self._live = Live(console=render.console(), auto_refresh=False)
        self._last: Group | None = None

    def __enter__(self) -> "LiveTable":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, sample: Sample, before: Sample | None) -> None:
        self._last = drawn(sample, before)
        self._live.update(self._last, refresh=True)

    def warn(self, words: str) -> None:
        from rich.console import Group

        parts = [] if self._last is None else [self._last]
        self._live.update(Group(*parts, render.cell(words, "bold red")), refresh=True)


def drawn(sample: Sample, before: Sample | None) -> "Group":
    """Draw both tables."""
    from rich.console import Group

    if not sample.processes:
        return Group("no processes yet: `dragonctl process create ID --input URL` makes one")
    viewers = viewer_rows(sample, before)
    parts = [render.table(PROCESS_COLUMNS, process_rows(sample))]
    if viewers:
        return Group(*parts, "", render.table(VIEWER_COLUMNS, viewers))
    return Group(*parts)
