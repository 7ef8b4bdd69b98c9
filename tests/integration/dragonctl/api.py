"""A small HTTP server that plays the API by answers written by hand (datarhei-core.md a)."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

ACCESS, REFRESH = "access-1", "refresh-1"
USERNAME, PASSWORD = "admin", "correct horse"

CONFIG: dict[str, Any] = {
    "id": "cam",
    "type": "ffmpeg",
    "reference": "hall",
    "input": [
        {
            "id": "input_0",
            "address": "rtsp://viewer:hunter2@camera/1",
            "options": ["-rtsp_transport", "tcp"],
        }
    ],
    "output": [{"id": "output_0", "address": "-", "options": ["-c", "copy", "-f", "null"]}],
    "options": [],
    "reconnect": True,
    "reconnect_delay_seconds": 5,
    "autostart": True,
    "stale_timeout_seconds": 30,
    "limits": {"cpu_usage": 0, "memory_mbytes": 0, "waitfor_seconds": 0},
    "webrtc": {"enabled": True, "video_pt": 102, "audio_pt": 111, "force_transcode": False},
}
STATE: dict[str, Any] = {
    "order": "start",
    "exec": "running",
    "runtime_seconds": 11045,
    "reconnect_seconds": -1,
    "last_logline": "",
    "progress": {
        "inputs": [],
        "outputs": [
            {
                "id": "webrtc_video",
                "address": "udp://127.0.0.1:4000",
                "index": 1,
                "stream": 0,
                "format": "rtp",
                "type": "video",
                "codec": "h264",
                "width": 1920,
                "height": 1080,
                "fps": 25.0,
            }
        ],
        "frame": 276125,
        "packet": 276125,
        "fps": 25,
        "q": -1,
        "size_kb": 1024,
        "time": 11045.0,
        "bitrate_kbit": 4096.5,
        "speed": 1.001,
        "drop": 0,
        "dup": 2,
    },
    "memory_bytes": 47_185_920,
    "cpu_usage": 3.4,
    "command": ["-i", "rtsp://***@camera/1", "-f", "null", "-"],
    "pid": 4711,
    "exit_code": None,
    "restarts": 1,
}
REPORT: dict[str, Any] = {
    "created_at": 1_800_000_000,
    "prelude": ["Input #0, rtsp, from 'rtsp://***@camera/1':"],
    "log": [["1800000005", "a line"], ["1800000006", "another \x1b[31mline"]],
    "history": [
        {"created_at": 1_700_000_000, "prelude": [], "log": [["1700000001", "old words"]]}
    ],
}
VIEWER: dict[str, Any] = {
    "id": "7f3a99c0",
    "state": "connected",
    "address": "192.0.2.7:50000",
    "user_agent": "Mozilla/5.0 (X11; Linux) AppleWebKit/537 Chrome/140.0.0.0 Safari/537",
    "subject": "admin",
    "connected_seconds": 95.2,
    "bytes_sent": 48_234_496,
    "packets_sent": 40_000,
    "packets_lost": 40,
    "nacks": 12,
    "plis": 1,
    "plis_answered": 1,
    "rtt_ms": 23.4,
    "jitter_ms": 1.25,
    "dropped_frames": 0,
    "srtp_profile": "SRTP_AEAD_AES_128_GCM",
}
WHEP: dict[str, Any] = {
    "process_id": "cam",
    "state": "live",
    "reason": "",
    "plan": [
        {
            "kind": "video",
            "action": "encode",
            "codec": "h264",
            "reasons": [{"code": "b-frames", "text": "the stream has B-frames"}],
        },
        {
            "kind": "audio",
            "action": "copy",
            "codec": "opus",
            "reasons": [{"code": "compatible", "text": "Opus"}],
        },
    ],
    "source": {
        "video": {"packets": 9, "bitrate_bits": 2_104_000, "last_packet_seconds": 0.02},
        "audio": {"packets": 9, "bitrate_bits": 64_000, "last_packet_seconds": 4.0},
    },
    "viewers": [VIEWER],
}
WEBRTC: dict[str, Any] = {
    "enabled": True,
    "state": "on",
    "reason": "",
    "candidates": ["192.0.2.1:4000/udp"],
    "processes": 1,
    "viewers": 1,
    "counters": {},
}
ABOUT: dict[str, Any] = {
    "app": "datarhei-core",
    "auths": ["localjwt"],
    "name": "hall",
    "id": "5b1f",
    "created_at": "2026-11-23T02:42:39Z",
    "uptime_seconds": 3700,
    "version": {"number": "16.16.0"},
    "product": {"name": "dragonctl", "version": "0.1.0"},
}
PROCESS: dict[str, Any] = {
    "id": "cam",
    "type": "ffmpeg",
    "reference": "hall",
    "created_at": 1_700_000_000,
    "updated_at": 1_700_000_000,
    "config": CONFIG,
    "state": STATE,
    "report": REPORT,
    "metadata": None,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that arrived."""

    method: str
    path: str
    query: str
    token: str
    body: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say; a body of ``bytes`` goes out as it is."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Play = Answer | Callable[[Asked], Answer]


def refusal(status: int, message: str, *details: str) -> Answer:
    """Write an error as datarhei does."""
    return Answer({"code": status, "message": message, "details": list(details)}, status)


class Api:
    """The server; ``on`` sets an answer, ``asked`` has all requests, ``tokens`` are good."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.tokens = {ACCESS}
        self.is_open = False
        self.hang_up = False  # the next request gets no answer
        self._plays: dict[tuple[str, str], Play] = {}
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 20

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                api.handle(self, self.rfile.read(length))

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):  # whatever the method is
                    return self.handle_any
                raise AttributeError(name)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - theirs
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._script()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def on(self, method: str, path: str, play: Any) -> None:
        """Set the answer to a request: an Answer, a function, or JSON for a 200."""
        known = isinstance(play, Answer) or callable(play)
        self._plays[method, path] = play if known else Answer(play)

    def bodies(self, method: str, path: str) -> list[Any]:
        """Give what was sent there."""
        return [one.body for one in self.asked if (one.method, one.path) == (method, path)]

    def handle(self, request: BaseHTTPRequestHandler, data: bytes) -> None:
        parts = urlsplit(request.path)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        is_json = request.headers.get("Content-Type", "") == "application/json"
        body = json.loads(data) if is_json else data or None
        asked = Asked(str(request.command), parts.path, parts.query, token, body)
        self.asked.append(asked)
        answer = self._answer(asked)
        if self.hang_up:
            self.hang_up = False
            request.close_connection = True
            return
        self._write(request, answer)

    def _answer(self, asked: Asked) -> Answer:
        is_public = asked.path in {"/ping", "/api"} or asked.path.startswith("/api/login")
        if not (is_public or self.is_open or asked.token in self.tokens):
            return refusal(401, "Unauthorized", "Missing or invalid JWT token")
        play = self._plays.get((asked.method, asked.path))
        if play is None:
            return refusal(404, "Unknown process ID", "unknown process")
        return play if isinstance(play, Answer) else play(asked)

    def _write(self, request: BaseHTTPRequestHandler, answer: Answer) -> None:
        is_raw = isinstance(answer.body, bytes)
        data = answer.body if is_raw else json.dumps(answer.body).encode() + b"\n"
        headers = {"Content-Type": "application/json"} | answer.headers
        request.send_response(answer.status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def _script(self) -> None:
        """One process ``cam`` that runs and is watched by one viewer."""
        one = "/api/v3/process/cam"
        self.on("GET", "/ping", Answer(b"pong", headers={"Content-Type": "text/plain"}))
        self.on("GET", "/api", self._about)
        self.on("POST", "/api/login", self._log_in)
        self.on("GET", "/api/login/refresh", self._refresh)
        self.on("GET", "/api/v3/process", [PROCESS])
        self.on("POST", "/api/v3/process", lambda asked: Answer(CONFIG | asked.body))
        self.on("GET", one, PROCESS)
        self.on("PUT", one, lambda asked: Answer(CONFIG | asked.body))
        self.on("DELETE", one, "OK")
        self.on("PUT", f"{one}/command", "OK")
        for name, body in (("config", CONFIG), ("state", STATE), ("report", REPORT)):
            self.on("GET", f"{one}/{name}", body)
        self.on("GET", f"{one}/whep", WHEP)
        self.on("GET", "/api/v3/webrtc", WEBRTC)

    def _about(self, asked: Asked) -> Answer:
        if self.is_open or asked.token in self.tokens:
            return Answer(ABOUT)
        return Answer({"app": ABOUT["app"], "auths": ABOUT["auths"], "version": {}})

    def _log_in(self, asked: Asked) -> Answer:
        if asked.body != {"username": USERNAME, "password": PASSWORD}:
            return refusal(401, "Unauthorized", "Invalid username or password")
        return Answer({"access_token": ACCESS, "refresh_token": REFRESH})

    def _refresh(self, asked: Asked) -> Answer:
        if asked.token != REFRESH:
            return refusal(401, "Unauthorized")
        self.tokens.add("access-2")
        return Answer({"access_token": "access-2", "refresh_token": "refresh-2"})
