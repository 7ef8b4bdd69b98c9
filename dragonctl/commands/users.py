"""users: who may log in to the server, and as what."""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from dragonctl import record, render
from dragonctl.commands.option import Json, connect
from dragonctl.commands.password import FromStdin, read_password

if TYPE_CHECKING:
    from rich.console import RenderableType

PATH = "/api/v3/users"
NEW_PASSWORD = "DRAGONCTL_NEW_PASSWORD"  # noqa: S105 - the name of a variable


class Role(StrEnum):
    """What somebody may do."""

    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"


app = typer.Typer(
    help="Who may log in, and as what.", no_args_is_help=True, rich_markup_mode=None
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
RoleOption = Annotated[
    Role,
    typer.Option(
        help="admin: everything. operator: all but users and configuration. viewer: watch."
    ),
]


@app.command("list")
def list_users(*, json: Json = False) -> None:
    """List all users."""
    with connect() as client:
        found = client.get(PATH)
    render.emit(found, lambda: _listed(found), is_json=json)


@app.command()
def add(
    name: Name,
    *,
    role: RoleOption = Role.OPERATOR,
    password_stdin: FromStdin = False,
    json: Json = False,
) -> None:
    """Let somebody log in.

    The password is asked for, or read from DRAGONCTL_NEW_PASSWORD, or with --password-stdin.
    """
    password = read_password(NEW_PASSWORD, from_stdin=password_stdin, is_new=True)
    with connect() as client:
        user = client.post(PATH, {"name": name, "password": password, "role": role.value})
    render.done(f"{name}: added as {role.value}", user, is_json=json)


@app.command()
def passwd(name: Name, *, password_stdin: FromStdin = False, json: Json = False) -> None:
    """Give a user another password; they are logged out everywhere.

    The password is asked for, or read from DRAGONCTL_NEW_PASSWORD, or with --password-stdin.
    """
    password = read_password(NEW_PASSWORD, from_stdin=password_stdin, is_new=True)
    with connect() as client:
        user = client.put(_path(name), {"password": password})
    render.done(f"{name}: password changed", user, is_json=json)


@app.command("role")
def change_role(
    name: Name,
    role: Annotated[Role, typer.Argument(help="The new role.")],
    *,
    json: Json = False,
) -> None:
    """Give a user another role; they are logged out everywhere."""
    with connect() as client:
        user = client.put(_path(name), {"role": role.value})
    render.done(f"{name}: {role.value} now", user, is_json=json)


@app.command()
def rm(name: Name, *, json: Json = False) -> None:
    """Lock a user out, and end the viewers' tokens that they gave out."""
    with connect() as client:
        client.delete(_path(name))
    render.done(f"{name}: removed", {"name": name, "removed": True}, is_json=json)


@app.command("rotate-key")
def rotate_key(
    *,
    now: Annotated[
        bool, typer.Option("--now", help="End all tokens at once: everybody logs in anew.")
    ] = False,
    json: Json = False,
) -> None:
    """Sign tokens with a new key; the old one counts until its last token has ended."""
    with connect() as client:
        key = client.post("/api/v3/keys", {"now": now})
    words = "all tokens have ended" if now else "older tokens count until they end"
    render.done(f"new key {record.text(key, 'kid')}; {words}", key, is_json=json)


def _path(name: str) -> str:
    return f"{PATH}/{quote(name, safe='')}"


def _listed(found: Any) -> "Iterator[RenderableType]":
    users = found if isinstance(found, list) else []
    rows = [
        (record.text(user, "name"), record.text(user, "role"), _since(user)) for user in users
    ]
    yield render.table(("name", "role", "since"), rows)


def _since(user: Any) -> str:
    if record.flag(user, "configured"):
        return "in the configuration"
    created = record.number(user, "created_at") or 0
    return f"{datetime.fromtimestamp(created, UTC):%Y-%m-%d}"
