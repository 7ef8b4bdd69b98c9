"""Fixtures of the supervision tests."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.restream import state
from daemon.restream.supervision import Supervision
from tests.fakes import ffmpeg
from tests.integration.restream.house import House
from tests.integration.restream.support import DEADLINE, RecordedHooks, make_supervision


@pytest.fixture(autouse=True)
def _no_errors_are_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    records = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    assert [record.message for record in records if record.levelno >= logging.ERROR] == []


@pytest.fixture
def binary(tmp_path: Path) -> Path:
    """Make a program of the stand-in for FFmpeg."""
    path = tmp_path / "ffmpeg"
    source = Path(ffmpeg.__file__).read_text(encoding="utf-8")
    path.write_text(f"#!{sys.executable} -IS\n{source}", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    return tmp_path / "work"


@pytest.fixture
def short_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a stop come to SIGKILL in no time; the unit tests have the ladder's real figures."""
    quick = [(action, 0.05) for action, _ in state._LADDER[:2]]
    monkeypatch.setattr(state, "_LADDER", (*quick, (state.Action.KILL, DEADLINE)))


@pytest.fixture
def hooks() -> RecordedHooks:
    return RecordedHooks()


@pytest.fixture
def supervision(binary: Path, work_dir: Path, hooks: RecordedHooks) -> Supervision:
    return make_supervision(binary, work_dir, hooks)


@pytest.fixture
def house(tmp_path: Path, binary: Path, hooks: RecordedHooks) -> House:
    return House(tmp_path, binary, hooks)
