"""The demo's daemon: `dragonctl serve` as a child in its own process group, ended with us."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from dragonctl.errors import ClientError

READY_TIMEOUT = 30.0  # seconds
STOP_TIMEOUT = 20.0  # seconds, as SIGTERM promises
POLL = 0.1  # seconds
TAIL = 2000  # bytes of its log that are shown when it fails

# The password comes by the environment, so that it is in no file and no argument list
TEMPLATE = """\
version = 3
name = "demo"
address = "{address}"

[db]
dir = "{directory}/db"

[storage.disk]
dir = "{directory}/media"

[api.auth]
enable = true
username = "{username}"

[webrtc]
enable = true
"""


class Daemon:
    """A context in which the daemon runs."""

    def __init__(self, directory: Path, address: str, username: str, password: str) -> None:
        self.url = f"http://{address}"
        self._config = directory / "config.toml"
        self._log = directory / "daemon.log"
        self._config.write_text(
            TEMPLATE.format(address=address, directory=directory, username=username)
        )
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("CORE_")
        }
        self._environ = inherited | {"CORE_API_AUTH_PASSWORD": password}
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "dragonctl", "serve", "--config", str(self._config)]
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(  # noqa: S603 - our own program
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environ,
                start_new_session=True,  # Ctrl-C is for us; we end it in order
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._child is not None, "entered"
        group = self._child.pid
        try:
            self._child.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(STOP_TIMEOUT)
        finally:
            self._kill(group)

    def wait_until_ready(self) -> None:
        """Wait for /ping. Raises ClientError with the daemon's own words if it ends before."""
        import httpx

        assert self._child is not None, "entered"
        deadline = time.monotonic() + READY_TIMEOUT
        with httpx.Client(timeout=1.0, trust_env=False) as http:
            while time.monotonic() < deadline:
                if self._child.poll() is not None:
                    raise ClientError(f"the demo's daemon did not start: {self._last_words()}")
                try:
                    if http.get(f"{self.url}/ping").is_success:
                        return
                except httpx.HTTPError:
                    pass
                time.sleep(POLL)
        text = f"the demo's daemon did not answer within {READY_TIMEOUT:g} s"
        raise ClientError(f"{text}: {self._last_words()}")

    def _last_words(self) -> str:
        lines = self._log.read_bytes()[-TAIL:].decode(errors="replace").splitlines()
        return lines[-1] if lines else "it said nothing"

    def _kill(self, group: int) -> None:
        """End what is left of its group, whatever happened before."""
        assert self._child is not None, "entered"
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        self._child.wait()
