"""Daemons and inputs for the tests that run the whole product."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e import inputs
from tests.e2e.daemon import Daemon, Settings

MakeDaemon = Callable[..., Daemon]


@pytest.fixture
def make_daemon(tmp_path: Path, ffmpeg_binary: Path) -> Iterator[MakeDaemon]:
    """Give a maker of daemons, each with its own data; all are ended and judged."""
    made: list[Daemon] = []

    def make(settings: Settings | None = None, *, data: Path | None = None) -> Daemon:
        directory = tmp_path / f"daemon{len(made)}"
        made.append(Daemon(directory, settings or Settings(ffmpeg=ffmpeg_binary), data=data))
        return made[-1]

    yield make
    with ExitStack() as stack:  # the second is ended even if the first one's log is bad
        for daemon in made:
            stack.callback(daemon.close)


@pytest.fixture
async def daemon(make_daemon: MakeDaemon) -> Daemon:
    """Give one that runs and has logged us in."""
    return await make_daemon().start()


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory, ffmpeg_binary: Path) -> Path:
    """Give an MP4 with B-frames."""
    return inputs.make_film(ffmpeg_binary, tmp_path_factory.mktemp("film") / "film.mp4")


@pytest.fixture(scope="session")
def sparse(tmp_path_factory: pytest.TempPathFactory, ffmpeg_binary: Path) -> Path:
    """Give a film whose key frames are four seconds apart."""
    return inputs.make_sparse(ffmpeg_binary, tmp_path_factory.mktemp("film") / "sparse.mp4", 4)
