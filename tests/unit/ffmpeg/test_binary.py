"""Which FFmpeg is used, and what its version is."""

from pathlib import Path

import pytest

from daemon.errors import ConfigError
from daemon.ffmpeg import binary


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026", "5.1.9"),
        ("ffmpeg version n9.0.2-17-g2a571b6068-20260930 Copyright", "9.0.2"),
        ("ffmpeg version 7.1 Copyright", "7.1.0"),
        ("ffmpeg version n8.0 Copyright", "8.0.0"),
        ("ffmpeg version N-118000-gabcdef Copyright\nlibavutil      60. 1.102 / 60.", "8.0.0"),
        ("ffmpeg version git-2026-01-01-abc\nlibavutil      61.  1.102 / 61.  1.102", "9.0.0"),
        ("something else", ""),
    ],
)
def test_every_form_of_version_becomes_three_numbers(text: str, version: str) -> None:
    assert binary.parse_version(text) == version


def make_program(path: Path, mode: int = 0o700) -> Path:
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def test_a_configured_path_wins(tmp_path: Path) -> None:
    program = make_program(tmp_path / "my-ffmpeg")
    assert binary.find(str(program)) == program


@pytest.mark.parametrize("configured", ["", "ffmpeg", " ffmpeg "])
def test_the_default_is_looked_for_on_path(
    configured: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = make_program(tmp_path / "ffmpeg")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert binary.find(configured) == program


def test_without_one_on_path_the_wheels_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("IMAGEIO_FFMPEG_EXE", raising=False)
    assert "imageio_ffmpeg" in str(binary.find("ffmpeg"))


def test_a_configured_file_that_cannot_run_is_an_error_with_its_key(tmp_path: Path) -> None:
    program = make_program(tmp_path / "ffmpeg", mode=0o600)
    with pytest.raises(ConfigError, match="can't be used") as caught:
        binary.find(str(program))
    assert "is not executable" in caught.value.problems["ffmpeg.binary"][0]


def test_a_configured_file_that_is_missing_is_an_error_even_with_others_around() -> None:
    with pytest.raises(ConfigError) as caught:
        binary.find("/nowhere/ffmpeg")
    assert "does not exist" in caught.value.problems["ffmpeg.binary"][0]
