"""What a person sees: tables, notes, JSON; nothing a server says reaches the terminal raw."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:  # rich takes a tenth of a second, which --help and completion must not
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

PIPED_WIDTH = 1000  # columns; a file or a pipe wraps nothing
FOLDED_WIDTH = 8  # what a folded column keeps where nothing has room, or it would vanish
STYLES = {
    "running": "green",
    "live": "green",
    "connected": "green",
    "on": "green",
    "good": "green",
    "starting": "yellow",
    "finishing": "yellow",
    "waiting": "yellow",
    "failed": "bold red",
    "killed": "red",
    "bad": "bold red",
    "finished": "dim",
    "off": "dim",
    "-": "dim",
}


def clean(words: str) -> str:
    """Replace what isn't printable: control characters move cursors and hide text."""
    return "".join(char if char.isprintable() else "\ufffd" for char in words)


def to_json(value: Any, *, is_compact: bool = False) -> str:
    """Write JSON that no terminal stumbles over: what isn't printable is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=None if is_compact else 2)
    return "".join(
        char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text
    )


def emit(value: Any, draw: Callable[[], "Iterable[RenderableType]"], *, is_json: bool) -> None:
    """Show a result: as JSON for machines, else drawn."""
    if is_json:
        typer.echo(to_json(value))
        return
    screen = console()
    if is_terminal():
        for part in draw():
            screen.print(part)
        return
    with screen.capture() as captured:
        for part in draw():
            screen.print(part)
    for line in captured.get().splitlines():
        typer.echo(line.rstrip())  # a table fills its last column up


def done(words: str, value: Any, *, is_json: bool) -> None:
    """Say that something was done: one line, or JSON."""
    typer.echo(to_json(value) if is_json else clean(words))


def note(words: str) -> None:
    """Say something beside the result, on stderr."""
    typer.echo(clean(words), err=True)


def is_terminal() -> bool:
    """Whether a person looks at stdout."""
    return sys.stdout.isatty()


def console(*, is_error: bool = False) -> "Console":
    """Open rich on stdout, or stderr; a pipe is as wide as it takes."""
    from rich.console import Console

    stream = sys.stderr if is_error else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else PIPED_WIDTH
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def cell(words: str, style: str = "") -> "Text":
    """Make words of unknown origin safe; well-known states get their colour."""
    from rich.text import Text

    return Text(clean(words), style=style or STYLES.get(words, ""))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "") -> "Table":
    """Draw rows. ``>name`` is aligned to the right, ``*name`` is folded if there is no room."""
    from rich.table import Table
    from rich.text import Text

    lines = list(rows)
    widths = _widths(columns, lines)
    drawn = Table(
        box=None,
        pad_edge=False,
        padding=(0, _gap(widths), 0, 0),
        title=Text(clean(title), style="bold") if title else None,
        title_justify="left",
        header_style="bold",
    )
    for column, width in zip(columns, _fixed(columns, widths), strict=True):
        name = column.lstrip(">*")
        drawn.add_column(
            name.upper(),
            justify="right" if column.startswith(">") else "left",
            no_wrap=not column.startswith("*"),
            overflow="fold" if column.startswith("*") else "ellipsis",
            width=width,
        )
    for row in lines:
        drawn.add_row(*(cell(words) for words in row))
    return drawn


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    from rich.cells import cell_len

    heads = [column.lstrip(">*") for column in columns]
    return [max(map(cell_len, cells)) for cells in zip(heads, *rows, strict=True)]


def _fixed(columns: Sequence[str], widths: Sequence[int]) -> list[int | None]:
    """Widths that rich must not choose: it takes all from what may fold, down to nothing."""
    kept = [
        min(width, FOLDED_WIDTH) if column.startswith("*") else width
        for column, width in zip(columns, widths, strict=True)
    ]
    if sum(kept) + len(kept) - 1 <= console().width:
        return [None] * len(kept)
    pairs = zip(columns, kept, strict=True)
    return [width if column.startswith("*") else None for column, width in pairs]


def _gap(widths: Sequence[int]) -> int:
    """Blanks between columns: two, or one where two would fold something."""
    return 2 if sum(widths) + 2 * (len(widths) - 1) <= console().width else 1


def facts(pairs: Iterable[tuple[str, str]]) -> "Table":
    """Draw names with values below each other; pairs without a value are left out."""
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    drawn.add_column(style="bold", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, words in pairs:
        if words:
            drawn.add_row(name, cell(words))
    return drawn
