"""The root of the command line: sub-apps, global options, exit codes."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from dragonctl.commands import (
    about,
    config,
    demo,
    fs,
    import_core,
    live,
    login,
    metadata,
    option,
    process,
    serve,
    statistics,
    stats,
    token,
    users,
    viewers,
    whep_test,
)
from dragonctl.errors import ClientError
from dragonctl.render import clean

# plain help: rich would take half of the 0.3 s that --help may
app = typer.Typer(
    name="dragonctl",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=(
        "The server is the saved login's, or DRAGONCTL_URL with DRAGONCTL_TOKEN or "
        "DRAGONCTL_USERNAME and DRAGONCTL_PASSWORD. Exit codes: 0 good, 1 the answer is bad, "
        "2 usage, 3 cannot reach or not allowed."
    ),
)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        from importlib.metadata import version

        typer.echo(f"dragonctl {version('dragonctl')}")
        raise typer.Exit


@app.callback()
def root(
    *,
    insecure: Annotated[
        bool,
        typer.Option("--insecure", help="Send credentials over plain http to another machine."),
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_show_version, help="Show the version."
        ),
    ] = False,
) -> None:
    """Supervise FFmpeg, and watch every process in a browser over WebRTC."""
    option.allow_insecure.set(insecure)


app.command()(demo.demo)
app.command()(serve.serve)
app.command()(login.login)
app.command()(login.logout)
app.add_typer(process.app, name="process")
app.command()(live.live)
app.add_typer(token.app, name="token")
app.add_typer(users.app, name="users")
app.command("whep-test")(whep_test.whep_test)
app.command()(stats.stats)
app.add_typer(viewers.app, name="viewers")
app.add_typer(fs.app, name="fs")
app.command()(statistics.sessions)
app.command()(statistics.metrics)
app.command()(metadata.metadata)
app.command()(statistics.rtmp)
app.command()(statistics.srt)
app.command()(about.log)
app.add_typer(config.app, name="config")
app.command()(about.skills)
app.command("import")(import_core.import_core)
app.command()(about.about)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # an id in a locale that can't write it
            stream.reconfigure(errors="replace")
    try:
        app(args=arguments, prog_name="dragonctl")
    except ClientError as error:
        typer.echo(clean(error.message), err=True)
        sys.exit(error.code)


if __name__ == "__main__":
    main()
