"""Passwords from a prompt, a variable or stdin; never from the command line (K5)."""

import os
import sys
from typing import Annotated

import typer

from dragonctl.errors import ClientError, ExitCode

MAX_PASSWORD = 4096  # characters

FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from stdin.")
]


def read_password(variable: str, *, from_stdin: bool, is_new: bool = False) -> str:
    """Get a password. Raises ClientError if there is no way to, or it is empty."""
    if from_stdin:
        password = sys.stdin.readline(MAX_PASSWORD).rstrip("\r\n")
    elif variable in os.environ:
        password = os.environ[variable]
    elif sys.stdin.isatty():
        words = "New password" if is_new else "Password"
        password = typer.prompt(words, hide_input=True, err=True, confirmation_prompt=is_new)
    else:
        text = "no terminal to ask for the password: use --password-stdin"
        raise ClientError(f"{text}, or set {variable}", ExitCode.USAGE)
    if not password:
        raise ClientError("the password is empty", ExitCode.USAGE)
    return password
