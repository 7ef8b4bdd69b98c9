"""Daemon: `dragonctl serve` in a process of its own, with a scratch data directory."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil

from tests.e2e.waiting import DEADLINE, until

COMMAND = Path(sys.executable).with_name("dragonctl")
USERNAME = "admin"
PASSWORD = "a made-up passphrase"
INSTANCE_MARKER = "DRAGONCTL_INSTANCE"
PROCESS_MARKER = "DRAGONCTL_PROCESS"
STOP_SECONDS = 60.0  # what an operator's service manager would grant
Json = Any


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Find a port that is free now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Settings:
    """What differs between the daemons of these tests."""

    ffmpeg: Path | str = "ffmpeg"
    public_ip: str = "127.0.0.1"
    udp_mux_port: int = 0
    webrtc: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)

    def toml(self, directory: Path, data: Path, port: int) -> str:
        """Write the configuration file."""
        return "\n".join(
            (
                "# a comment of the operator's, which must survive",
                f'address = "127.0.0.1:{port}"',
                "[db]",
                f'dir = "{data}"',
                "[storage.disk]",
                f'dir = "{directory / "disk"}"',
                "[api.auth]",
                f'username = "{USERNAME}"',
                f'password = "{PASSWORD}"',
                "[ffmpeg]",
                f'binary = "{self.ffmpeg}"',
                "[ffmpeg.access.input]",
                'dirs = ["/"]',
                "[webrtc]",
                f"enable = {str(self.webrtc).lower()}",
                f'public_ip = "{self.public_ip}"',
                f"udp_mux_port = {self.udp_mux_port}",
                "",
            )
        )


class Daemon:
    """One data directory and the daemon on it, started as often as a test likes."""

    def __init__(
        self, directory: Path, settings: Settings | None = None, *, data: Path | None = None
    ) -> None:
        self.directory = directory
        self.data = data or directory / "db"
        self.settings = settings or Settings()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = directory / "config.toml"
        self.log_path = directory / "daemon.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.token = ""
        self._http = httpx.Client(base_url=self.url, timeout=DEADLINE, trust_env=False)
        self.disk.mkdir(parents=True)
        self.config.write_text(self.settings.toml(directory, self.data, self.port))

    @property
    def disk(self) -> Path:
        return self.directory / "disk"

    @property
    def instance(self) -> str:
        """What its FFmpegs carry in their environment; "" before the first start."""
        path = self.data / "secrets.json"
        return str(json.loads(path.read_text())["instance_id"]) if path.exists() else ""

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    # -- life

    def launch(self) -> subprocess.Popen[bytes]:
        """Start it without waiting for anything."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CORE_", "DRAGONCTL_"))
        }
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [COMMAND, "serve", "--config", self.config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env=environment | dict(self.settings.environment),
            )
        return self.process

    async def start(self) -> "Daemon":
        """Start it, wait until it answers, log in."""
        self.launch()
        await until(self._answers, "the daemon answers /ping")
        if not self.token:
            self.token = await self.login()
        return self

    async def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"the daemon ended with {self.process.returncode}:\n{self.log}")
        try:
            answer = await self.request("GET", "/ping")
        except httpx.TransportError:
            return False
        return answer.status_code == 200

    async def login(self) -> str:
        """Give an access token."""
        body = {"username": USERNAME, "password": PASSWORD}
        answer = await self.request("POST", "/api/login", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def wait(self, seconds: float = STOP_SECONDS) -> int:
        """Wait for its end; give the exit code."""
        assert self.process is not None
        return await asyncio.to_thread(self.process.wait, seconds)

    def signal(self, number: signal.Signals) -> None:
        """Signal the daemon alone."""
        assert self.process is not None
        self.process.send_signal(number)

    async def stop(self) -> int:
        """End it as a service manager does."""
        self.signal(signal.SIGTERM)
        return await self.wait()

    async def kill(self) -> None:
        """End it as a power cut would, but for the machine."""
        self.signal(signal.SIGKILL)
        await self.wait()

    def close(self) -> None:
        """End it whatever state it is in, then judge its log."""
        self._http.close()
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
        for child in self.children():
            os.kill(child, signal.SIGKILL)
        self.check_log()

    def check_log(self) -> None:
        """Refuse secrets in the log, and what only a programmer understands."""
        text = self.log
        faults = ("Traceback", " level=ERROR ", "never awaited")
        bad = [line for line in text.splitlines() if any(fault in line for fault in faults)]
        assert not bad, text
        secrets = [PASSWORD, self.token, "a=ice-pwd:", "a=candidate:"]
        assert not [secret for secret in filter(None, secrets) if secret in text], text

    # -- what it runs

    def children(self, process_id: str | None = None) -> list[int]:
        """List living FFmpegs by the markers in their environment."""
        instance = self.instance
        found = []
        for one in psutil.process_iter():
            try:
                environment = one.environ()
                is_dead = one.status() == psutil.STATUS_ZOMBIE
            except (psutil.Error, OSError):
                continue
            marker = environment.get(PROCESS_MARKER, "").rpartition("#")[0]
            if environment.get(INSTANCE_MARKER) != instance or is_dead or not instance:
                continue
            if process_id in (None, marker):
                found.append(one.pid)
        return found

    def descendants(self) -> list[psutil.Process]:
        """Everything that it started, probes too."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    # -- its API

    async def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Ask without a token."""
        call = partial(self._http.request, method, path, **arguments)
        return await asyncio.to_thread(call)

    async def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Ask with our token."""
        headers = {"Authorization": f"Bearer {self.token}"} | arguments.pop("headers", {})
        return await self.request(method, path, headers=headers, **arguments)

    async def get(self, path: str) -> Json:
        """Read something that must be there."""
        answer = await self.call("GET", path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    async def add(self, config: Mapping[str, Json]) -> None:
        """Create a process."""
        answer = await self.call("POST", "/api/v3/process", json=dict(config))
        assert answer.status_code == 200, answer.text

    async def change(self, process_id: str, **values: Json) -> None:
        """Lay values over a process's config."""
        answer = await self.call("PUT", process_path(process_id), json=values)
        assert answer.status_code == 200, answer.text

    async def command(self, process_id: str, name: str) -> None:
        """Order start, stop, restart or reload."""
        path = f"{process_path(process_id)}/command"
        answer = await self.call("PUT", path, json={"command": name})
        assert answer.status_code == 200, answer.text

    async def state(self, process_id: str) -> Json:
        """Give a process's state."""
        return await self.get(f"{process_path(process_id)}/state")

    async def whep(self, process_id: str) -> Json:
        """Give what is said of a process's WebRTC side."""
        return await self.get(whep_path(process_id))

    async def until_live(self, process_id: str) -> Json:
        """Wait for the media of every track of the plan."""

        async def is_live() -> Json:
            status = await self.whep(process_id)
            legs = status["source"].values()
            is_flowing = legs and all(leg["packets"] > 0 for leg in legs)
            return status if status["state"] == "live" and is_flowing else None

        try:
            return await until(is_live, f"{process_id} is live")
        except AssertionError as error:
            report = await self.get(f"{process_path(process_id)}/report")
            text = f"{json.dumps(report, indent=1)}\n{self.log}"
            raise AssertionError(f"{error}\n{text}") from None

    def whep_url(self, process_id: str) -> str:
        """Give the address that a player gets."""
        return f"{self.url}{whep_path(process_id)}"


def process_path(process_id: str) -> str:
    """Give a process's place in the API."""
    return f"/api/v3/process/{quote(process_id, safe='')}"


def whep_path(process_id: str) -> str:
    """Give a process's WHEP endpoint."""
    return f"{process_path(process_id)}/whep"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of the command line came to."""

    code: int
    stdout: str
    stderr: str


async def run_cli(daemon: Daemon, *words: str, seconds: float = DEADLINE) -> Outcome:
    """Run `dragonctl` as a user who has logged in to this daemon by the environment."""
    environment = os.environ | {
        "HOME": str(daemon.directory),
        "XDG_CONFIG_HOME": str(daemon.directory / "home"),
        "DRAGONCTL_URL": daemon.url,
        "DRAGONCTL_TOKEN": daemon.token,
        "NO_COLOR": "1",
    }
    call = partial(
        subprocess.run,
        [COMMAND, *words],
        env=environment,
        cwd=daemon.directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    done = await asyncio.to_thread(call)
    return Outcome(done.returncode, done.stdout, done.stderr)
