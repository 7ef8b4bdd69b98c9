"""/api: what this is; strangers hear only how to log in."""

import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

from quart import Blueprint, Response, jsonify

from daemon.config import ConfigService
from daemon.http.guard import Caller, Scope, caller, needs
from daemon.restream.alarm import Alarm

APP = "datarhei-core"  # clients refuse any other
API_VERSION = "16.16.0"  # of the API that we speak; clients want ^16.11
PRODUCT = "dragonctl"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # as Go names them


@dataclass(frozen=True, slots=True)
class About:
    """Who answers, and what an operator should look at. Times are monotonic seconds."""

    config: ConfigService
    alarms: Callable[[], Sequence[Alarm]] = tuple
    now: Callable[[], float] = time.monotonic
    started_at: float = field(default_factory=time.monotonic)

    @property
    def core_id(self) -> str:
        """Tell this installation from others."""
        return str(self.config.get()["config"]["id"])

    def for_caller(self, who: Caller) -> dict[str, Any]:
        """Describe us to somebody with a token, or in as few words as clients need."""
        auths = [] if who.is_auth_off else ["localjwt"]
        if not who.is_known or who.is_bound:
            major = API_VERSION.partition(".")[0]
            return {"app": APP, "auths": auths, "version": {"number": f"{major}.0.0"}}
        shown = self.config.get()
        return {
            "app": APP,
            "auths": auths,
            "name": shown["config"]["name"],
            "id": shown["config"]["id"],
            "created_at": shown["loaded_at"],  # the UI waits for it to change after a reload
            "uptime_seconds": int(self.now() - self.started_at),
            "version": {
                "number": API_VERSION,
                "repository_commit": "",
                "repository_branch": "",
                "build_date": "",
                "arch": _architecture(),
                "compiler": f"python{platform.python_version()}",
            },
            "product": {"name": PRODUCT, "version": product_version()},
            "alarms": [asdict(alarm) for alarm in self.alarms()],
        }


def product_version() -> str:
    """Give our own version."""
    return version(PRODUCT)


def routes(about: About) -> Blueprint:
    """Build the blueprint; with a token, or with auth off, the answer is the full one."""
    blueprint = Blueprint("about", __name__)

    @blueprint.get("/api")
    @needs(Scope.PUBLIC)
    async def show() -> Response:
        return jsonify(about.for_caller(caller()))

    return blueprint


def _architecture() -> str:
    machine = platform.machine()
    return f"{platform.system().lower()}/{_ARCHITECTURES.get(machine, machine)}"
