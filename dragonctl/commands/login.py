"""login and logout: the password comes from a prompt, the environment or stdin, never argv."""

import os
from typing import Annotated

import typer

from dragonctl import login as saved
from dragonctl import render
from dragonctl.commands.option import Json, allow_insecure
from dragonctl.commands.password import FromStdin, read_password
from dragonctl.errors import ClientError

LOGOUT_TIMEOUT = 5.0  # seconds

Insecure = Annotated[
    bool, typer.Option("--insecure", help="Allow plain http to another machine.")
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
        password = read_password("DRAGONCTL_PASSWORD", from_stdin=password_stdin)
        access, refresh = client.log_in(username, password)
    saved.save(
        saved.directory(os.environ),
        saved.Login(url, username if access else "", access, refresh, is_insecure),
    )
    words = f"logged in to {url} as {username}" if access else f"{url} asks for no login; noted"
    render.done(words, {"url": url, "username": username if access else ""}, is_json=json)
    if os.environ.get("DRAGONCTL_URL", "") not in ("", url):
        render.note("DRAGONCTL_URL is set to another server, and it wins: unset it")


def logout(*, json: Json = False) -> None:
    """Forget the saved login, and end it at the server."""
    place = saved.directory(os.environ)
    _end(saved.load(place))
    existed = saved.delete(place)
    words = "logged out" if existed else "there was no saved login"
    render.done(words, {"logged_out": existed}, is_json=json)


def _end(login: saved.Login | None) -> None:
    """Tell the server; a login that it can't be told of ends by itself within a day."""
    from dragonctl.client import NOT_FOUND, UNAUTHORIZED, Client
    from dragonctl.server import Server

    if login is None or not login.access_token:
        return
    with Client(Server(login.url, login=login), timeout=LOGOUT_TIMEOUT) as client:
        try:
            client.delete("/api/login")
        except ClientError as error:
            if error.status not in {NOT_FOUND, UNAUTHORIZED}:  # a Core has no such route
                render.note(f"the server was not told: {error.message}")
