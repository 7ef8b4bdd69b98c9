"""What a server says is shown, never obeyed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragonctl import render


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert render.clean("a\x1b[2Jb\rc\nd\u202ee") == "a\ufffd[2Jb\ufffdc\ufffdd\ufffde"
    assert render.clean("Kamera Süd 相机") == "Kamera Süd 相机"


@given(st.recursive(st.none() | st.text(), lambda inner: st.lists(inner, max_size=4)))
def test_json_stays_json_and_is_printable(value: Any) -> None:
    text = render.to_json(value)
    assert json.loads(text) == value
    assert text.replace("\n", "").isprintable()


def test_json_for_lines_has_no_line_break() -> None:
    assert "\n" not in render.to_json({"a": ["\u2028", "\n"]}, is_compact=True)


def test_a_lone_surrogate_can_be_written() -> None:
    render.to_json("\ud800").encode()


Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def no_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


def test_a_pipe_gets_whole_lines(capsys: Captured) -> None:
    long = "x" * 300
    render.console().print(render.table(("id", ">n"), [[long, "1"], ["b", "22"]]))
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [f"ID{' ' * 301}N", f"{long}   1", f"b{' ' * 301}22"]


def test_markup_in_names_is_not_obeyed(capsys: Captured) -> None:
    render.console().print(render.facts([("[red]id", "[bold]x[/bold] :smile: \x1b[31m")]))
    assert capsys.readouterr().out.strip() == "[red]id  [bold]x[/bold] :smile: \ufffd[31m"


def test_facts_without_a_value_are_left_out(capsys: Captured) -> None:
    render.console().print(render.facts([("a", "1"), ("b", "")]))
    assert capsys.readouterr().out.strip() == "a  1"


def test_a_narrow_screen_folds_what_may_fold(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "14")
    render.console().print(render.table(("*id", ">n"), [["restreamer-ui", "1234"]]))
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["ID           N", "restreame 1234", "r-ui"]


def test_a_very_narrow_screen_shortens_figures_before_names_vanish(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "28")
    row = ["hall", "start", "running", "1.00x", "68.5 MiB"]
    columns = ("*id", "order", "state", ">speed", ">memory")
    render.console().print(render.table(columns, [row]))
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith("ID ")
    assert "".join(line[:3] for line in lines).strip() == "hall"  # folded, but there
