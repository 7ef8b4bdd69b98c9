"""login and logout: the password comes from a prompt, the environment or stdin, never argv."""

import os
import sys
from typing import Annotated

import typer

from dragonctl import login as saved
from dragonctl import render
from dragonctl.commands.option import Json, allow_insecure
from dragonctl.errors import ClientError, ExitCode

MAX_PASSWORD = 4096  # characters

Insecure = Annotated[
    bool, typer.Option("--insecure", help="Allow plain http to another machine.")
]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from stdin.")
]


def login(
    url: Annotated[str, typer.Argument(metavar="URL", help="http://host:8080 or https://…")],
    username: Annotated[
        str, typer.Option("--username", "-u", envvar="DRAGONCTL_USERNAME", help="Who you are.")
    ] = "admin",
    *,
    password_stdin: FromStdin = False,
    insecure: Insecure = False,
    json: Json = False,
) -> None:
    """Log in to a server and remember it.

    The password is asked for, or read from DRAGONCTL_PASSWORD, or with --password-stdin.
    What is remembered are tokens, in a file that only you can read.
    """
    from dragonctl.client import Client
    from dragonctl.server import Server

    url = saved.check_url(url)
    is_insecure = insecure or allow_insecure.get()
    saved.check_transport(url, is_insecure=is_insecure)
    with Client(Server(url)) as client:
        # before the person types a password: is anybody there?
        client.get("/ping")
        access, refresh = client.log_in(username, _password(from_stdin=password_stdin))
    saved.save(
        saved.directory(os.environ),
        saved.Login(url, username if access else "", access, refresh, is_insecure),
    )
    words = f"logged in to {url} as {username}" if access else f"{url} asks for no login; noted"
    render.done(words, {"url": url, "username": username if access else ""}, is_json=json)
    if os.environ.get("DRAGONCTL_URL", "") not in ("", url):
        render.note("DRAGONCTL_URL is set to another server, and it wins: unset it")


def logout(*, json: Json = False) -> None:
    """Forget the saved login."""
    existed = saved.delete(saved.directory(os.environ))
    words = "logged out" if existed else "there was no saved login"
    render.done(words, {"logged_out": existed}, is_json=json)


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        password = sys.stdin.readline(MAX_PASSWORD).rstrip("\r\n")
    elif "DRAGONCTL_PASSWORD" in os.environ:
        password = os.environ["DRAGONCTL_PASSWORD"]
    elif sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, err=True)
    else:
        text = "no terminal to ask for the password: use --password-stdin"
        raise ClientError(f"{text}, or set DRAGONCTL_PASSWORD", ExitCode.USAGE)
    if not password:
        raise ClientError("the password is empty", ExitCode.USAGE)
    return password
