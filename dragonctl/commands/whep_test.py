"""whep-test: play a process, or any WHEP URL, and judge what arrives."""

import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

import typer

from dragonctl import render
from dragonctl.commands.live import fetch
from dragonctl.commands.option import Json, complete_process_id, connect
from dragonctl.errors import ClientError, ExitCode

MAX_TOKEN = 64 * 1024  # characters
NOT_ALLOWED = {"unreachable", "http-timeout", "unauthorized", "forbidden"}

Target = Annotated[
    str,
    typer.Argument(
        metavar="PROCESS|URL",
        help="A process of your server, or any WHEP URL.",
        autocompletion=complete_process_id,
    ),
]
Duration = Annotated[
    float, typer.Option(metavar="SECONDS", min=0.1, max=3600, help="How long to watch.")
]
Viewers = Annotated[int, typer.Option(min=1, max=200, help="How many watch at once.")]
Token = Annotated[
    str | None,
    typer.Option(metavar="-|@FILE", help="Read the bearer token from stdin or from a file."),
]
Save = Annotated[
    Path | None,
    typer.Option(metavar="PNG", dir_okay=False, help="Save a decoded picture to look at."),
]
Timeout = Annotated[
    float, typer.Option(metavar="SECONDS", min=0.1, max=300, help="For each step before.")
]
Strict = Annotated[
    bool, typer.Option("--strict", help="A broken MUST of the protocol is a bad verdict.")
]
NoVerify = Annotated[
    bool, typer.Option("--no-verify", help="Don't check the server's TLS certificate.")
]


def whep_test(
    target: Target,
    *,
    duration: Duration = 5.0,
    viewers: Viewers = 1,
    token: Token = None,
    save: Save = None,
    timeout: Timeout = 10.0,
    strict: Strict = False,
    no_verify: NoVerify = False,
    json: Json = False,
) -> None:
    """Play a process, or any WHEP URL, and judge it.

    Exit code 0: good. 1: bad, and the reasons say why. 3: nobody answered, or not allowed.
    """
    bearer = None if token is None else read_token(token)
    if is_url(target):
        url, bearer = target, bearer or _own_token(target)
    else:
        url, own = _address(target)
        bearer = bearer if bearer is not None else own
    options = {
        "token": bearer,
        "duration": duration,
        "viewers": viewers,
        "save": save,
        "timeout": timeout,
        "verify_tls": not no_verify,
        "strict": strict,
    }
    report = judge(url, options, is_quiet=json)
    if json:
        typer.echo(render.to_json(report.to_json()))
    raise typer.Exit(exit_code(report))


def judge(url: str, options: dict[str, Any], *, is_quiet: bool = False) -> Any:
    """Run the test and draw its table, unless it is to be quiet. Gives the Report."""
    import asyncio

    from dragonctl.whep_test import Options, run, table

    try:
        wanted = Options(url, **options)
    except ValueError as error:
        raise ClientError(str(error), ExitCode.USAGE) from None
    if is_quiet:
        return asyncio.run(run(wanted))
    with render.console(is_error=True).status(f"watching for {wanted.duration:g} s …"):
        report = asyncio.run(run(wanted))
    render.console().print(table(report))
    return report


def exit_code(report: Any) -> ExitCode:
    """Translate a verdict."""
    codes = {reason.code for reason in report.reasons}
    if not codes:
        return ExitCode.GOOD
    return ExitCode.UNREACHABLE if codes <= NOT_ALLOWED else ExitCode.BAD


def is_url(target: str) -> bool:
    """Whether it is an address; process ids may hold colons, but hardly this."""
    return target.startswith(("http://", "https://"))


def read_token(source: str) -> str:
    """Read a token from where the option says. Raises ClientError for one in plain sight."""
    if source == "-":
        token = sys.stdin.readline(MAX_TOKEN).strip()
    elif source.startswith("@"):
        try:
            with Path(source[1:]).open(encoding="ascii") as file:
                token = file.read(MAX_TOKEN).strip()
        except (OSError, UnicodeDecodeError):
            text = f"the token can't be read from {source[1:]}"
            raise ClientError(text, ExitCode.USAGE) from None
    else:
        text = "everybody on this machine can read a token in a command line"
        advice = "give --token - (stdin) or --token @FILE"
        raise ClientError(f"{text}: {advice}", ExitCode.USAGE)
    if not token or not token.isascii() or not token.isprintable():
        raise ClientError("that is no token", ExitCode.USAGE)
    return token


def _address(process_id: str) -> tuple[str, str | None]:
    """Give the WHEP address of a process and a token that was good a moment ago."""
    from dragonctl.client import process_path

    with connect() as client:
        try:
            url: str = fetch(client, process_id)["url"]
        except ClientError as error:
            if error.status or error.code is not ExitCode.UNREACHABLE or not client.token:
                raise
            url = client.url + process_path(process_id, "whep")  # a token only to watch
        return url, client.token or None


def _own_token(url: str) -> str | None:
    """Give our token if the address is on our own server, and to nobody else.

    An address that has a token is played by that token, as its viewers will.
    """
    if "token" in parse_qs(urlsplit(url).query):
        return None
    try:
        with connect() as client:
            if not url.startswith(f"{client.url}/"):
                return None
            client.get("/api/v3/webrtc")  # renews the token if need be
            return client.token or None
    except ClientError:
        return None
