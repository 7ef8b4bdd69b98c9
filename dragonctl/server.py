"""Which server, and as whom: the environment, else the saved login."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dragonctl import login as saved
from dragonctl.errors import ClientError, ExitCode
from dragonctl.login import Login

DEFAULT_USERNAME = "admin"  # the daemon's own default


@dataclass(frozen=True, slots=True)
class Server:
    """Where to go and what to show there. ``place`` holds the saved login, if it is used."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    login: Login | None = None
    place: Path | None = None

    @property
    def has_credentials(self) -> bool:
        return bool(self.token or self.password or self.login)


def find(environ: Mapping[str, str], *, is_insecure: bool) -> Server:
    """Decide. The environment wins; a saved login is for its own server only.

    Raises ClientError if there is no server, or credentials would go over plain http.
    """
    place = saved.directory(environ)
    url, token = environ.get("DRAGONCTL_URL", ""), environ.get("DRAGONCTL_TOKEN", "")
    username = environ.get("DRAGONCTL_USERNAME", "") or DEFAULT_USERNAME
    password = environ.get("DRAGONCTL_PASSWORD", "")
    is_account_given = bool(token or password)
    login = None if url and is_account_given else saved.load(place)
    if not url and login is None:
        text = "no server is known: run `dragonctl login URL`, or set DRAGONCTL_URL"
        raise ClientError(text, ExitCode.UNREACHABLE)
    url = saved.check_url(url) if url else login.url if login else ""
    if login and login.url != url:
        login = None
    is_insecure = is_insecure or bool(login and login.is_insecure)
    if is_account_given:
        login = None
    server = Server(url, username, password, token, login, place if login else None)
    if server.has_credentials:
        saved.check_transport(url, is_insecure=is_insecure)
    return server
