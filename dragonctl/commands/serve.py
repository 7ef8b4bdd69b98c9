"""serve: run the daemon here; one of the commands that may import it."""

import os
from pathlib import Path
from typing import Annotated

import typer

from dragonctl import render
from dragonctl.errors import ExitCode


def serve(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", metavar="FILE", help="The TOML file; see `dragonctl config init`."
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where secrets and processes are kept (db.dir)."),
    ] = None,
) -> None:
    """Run the daemon in the foreground, until SIGTERM or Ctrl-C."""
    from daemon import core
    from daemon.errors import DragonError

    environ = dict(os.environ)
    if data_dir is not None:
        environ["CORE_DB_DIR"] = str(data_dir)
    try:
        code = core.run(config, environ, announce=typer.echo)
    except DragonError as error:
        for line in (error.message, *error.details):
            render.note(line)
        code = ExitCode.BAD
    raise typer.Exit(code)
