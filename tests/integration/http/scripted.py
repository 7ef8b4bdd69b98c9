"""Hand-written services with the doors that the HTTP room uses; tests set what they answer."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

from quart import Response
from quart.testing import QuartClient

from daemon.auth import Auth, Claims, Tokens, ViewerToken
from daemon.errors import AuthError, ConflictError, NotFoundError
from daemon.ffmpeg.probe import Probe
from daemon.ffmpeg.progress import Progress
from daemon.http.app import Services, create_app
from daemon.http.guard import Scope
from daemon.http.live import Live
from daemon.http.mounts import Storage
from daemon.http.skills import SkillsCache
from daemon.restream.check import Author
from daemon.restream.config import ConfigIO, ProcessConfig, ProcessId
from daemon.restream.report import LogLine, Report
from daemon.restream.restreamer import Restreamer
from daemon.restream.shown import ProcessState
from daemon.restream.state import Exec, Order
from daemon.session import Sessions
from daemon.storage.disk import DiskFilesystem
from daemon.storage.memory import MemoryFilesystem
from daemon.webrtc.audience import Audience
from daemon.webrtc.keyframe import KeyFrame
from daemon.webrtc.registry import Limits, Registry, ViewerInfo
from daemon.webrtc.subsystem import PatchResult, Subscription, WebRTC

PEER = ("203.0.113.7", 40000)
ALL_SCOPES = frozenset(
    scope.value for scope in Scope if scope not in {Scope.PUBLIC, Scope.SESSION}
)
VIEWER: dict[str, Any] = {
    "id": "7f3a99c0", "process_id": "cam", "state": "connected", "address": "192.0.2.1:5",
    "user_agent": "x", "subject": "admin", "created_at": 1_700_000_000, "age_seconds": 2.5,
    "connected_seconds": None, "first_rtp_ms": 12.5, "codecs": {"video": "H264"},
    "bytes_sent": 1, "packets_sent": 1, "packets_lost": 0, "loss_ratio": 0.0,
    "packets_resent": 0, "dropped_frames": 0, "jitter_ms": 0.1, "rtt_ms": None, "nacks": 0,
    "nack_hit_ratio": None, "plis": 0, "plis_answered": 0, "send_queue_ms": 0.0,
    "srtp_profile": None,
}  # fmt: skip
IDLE = ProcessState(
    order=Order.STOP,
    exec=Exec.FINISHED,
    runtime_seconds=0,
    reconnect_seconds=-1,
    last_logline="",
    progress=Progress(),
    memory_bytes=0,
    cpu_usage=0.0,
    command=("-i", "in", "out"),
    pid=None,
    exit_code=None,
    restarts=0,
)


def config(process_id: str = "cam", **fields: Any) -> ProcessConfig:
    """Make a process with one input and one output."""
    plain = ProcessConfig(
        id=ProcessId(process_id),
        input=(ConfigIO("in", "rtsp://camera/1", ("-rtsp_transport", "tcp")),),
        output=(ConfigIO("out", "-", ("-f", "null")),),
    )
    return replace(plain, **fields)


class ScriptedProcess:
    def __init__(self, stored: ProcessConfig) -> None:
        self.config = stored
        self.created_at = 1_700_000_000
        self.updated_at = 1_700_000_001
        self.current = IDLE
        self.said = Report(
            1_700_000_002, ("ffmpeg version 7",), (LogLine(1_700_000_003.9, "hi"),)
        )

    @property
    def id(self) -> ProcessId:
        return self.config.id

    def state(self) -> ProcessState:
        return self.current

    def report(self) -> Report:
        return self.said


class ScriptedRestreamer:
    """Keeps processes in a dict; ``refusal`` is raised by the next change."""

    def __init__(self, *configs: ProcessConfig) -> None:
        self.kept = {stored.id: ScriptedProcess(stored) for stored in configs}
        self.notes: dict[str | None, dict[str, Any]] = {}
        self.commands: list[tuple[str, str]] = []
        self.authors: list[Author] = []
        self.refusal: Exception | None = None
        self.probed = Probe(streams=(), log=("opened",), error="")

    def get(self, process_id: str) -> ScriptedProcess:
        if process_id not in self.kept:
            raise NotFoundError(f"unknown process ({process_id})")
        return self.kept[ProcessId(process_id)]

    def processes(self) -> list[ScriptedProcess]:
        return [self.kept[name] for name in sorted(self.kept)]

    async def check(self, _: ProcessConfig, author: Author) -> None:
        self.authors.append(author)
        self._refuse()

    async def add(self, new: ProcessConfig, author: Author) -> ScriptedProcess:
        self.authors.append(author)
        self._refuse()
        if new.id in self.kept:
            raise ConflictError("process already exists")
        self.kept[new.id] = ScriptedProcess(new)
        return self.kept[new.id]

    async def update(
        self, process_id: str, new: ProcessConfig, author: Author
    ) -> ScriptedProcess:
        self.authors.append(author)
        self._refuse()
        process = self.kept.pop(ProcessId(process_id))
        process.config = new
        self.kept[new.id] = process
        return process

    async def delete(self, process_id: str) -> None:
        self._refuse()
        del self.kept[ProcessId(process_id)]

    async def command(self, process_id: str, name: str) -> None:
        self._refuse()
        self.get(process_id)
        self.commands.append((process_id, name))

    async def probe(self, process_id: str) -> Probe:
        self._refuse()
        self.get(process_id)
        return self.probed

    def metadata(self, process_id: str | None) -> dict[str, Any]:
        return self.notes.get(process_id, {})

    async def set_metadata(self, process_id: str | None, key: str, value: Any) -> None:
        self._refuse()
        self.notes.setdefault(process_id, {})[key] = value
        if value is None:
            del self.notes[process_id][key]

    def _refuse(self) -> None:
        if self.refusal is not None:
            raise self.refusal


class ScriptedWebRTC:
    """One live process, ``cam``; ``refusal`` is raised by the next call."""

    def __init__(self) -> None:
        self.live = {"cam"}
        self.viewers_by_id: dict[tuple[str, str], ViewerInfo] = {}
        self.offers: list[str] = []
        self.patches: list[tuple[str, str, str, str | None]] = []
        self.patched = PatchResult()
        self.refusal: Exception | None = None
        self.registry = Registry(Limits())
        self.audience = Audience(self.registry)
        self.frame = KeyFrame("H264", (b"\x65idr",))

    async def subscribe(self, process_id: str, offer: str, viewer: ViewerInfo) -> Subscription:
        self._check(process_id)
        self.offers.append(offer)
        peer_id = f"peer{len(self.offers)}"
        self.viewers_by_id[process_id, peer_id] = viewer
        return Subscription(process_id, peer_id, "v=0\r\n", "tag1")

    def end_all(self, reason: str) -> None:
        self.viewers_by_id.clear()

    def subject_of(self, process_id: str, peer_id: str) -> str | None:
        viewer = self.viewers_by_id.get((process_id, peer_id))
        return None if viewer is None else viewer.subject

    def unsubscribe(self, process_id: str, peer_id: str) -> bool:
        return self.viewers_by_id.pop((process_id, peer_id), None) is not None

    async def patch(
        self, process_id: str, peer_id: str, fragment: str, if_match: str | None
    ) -> PatchResult:
        self._check(process_id)
        self.patches.append((process_id, peer_id, fragment, if_match))
        return self.patched

    def state(self) -> dict[str, Any]:
        return {
            "enabled": True,
            "state": "on",
            "reason": "",
            "candidates": ["192.0.2.1:8443/udp"],
            "native": True,
            "gso": True,
            "processes": len(self.live),
            "viewers": len(self.viewers_by_id),
            "total_viewers": len(self.viewers_by_id),
            "counters": {},
        }

    def viewers(self) -> list[dict[str, Any]]:
        return [{**VIEWER, "id": peer_id} for _, peer_id in self.viewers_by_id]

    def viewer(self, process_id: str, peer_id: str) -> dict[str, Any]:
        if (process_id, peer_id) not in self.viewers_by_id:
            raise NotFoundError("no such viewer", reason="no-viewer")
        return {**VIEWER, "id": peer_id}

    def kick(self, handle: str) -> bool:
        keys = [key for key in self.viewers_by_id if key[1] == handle]
        return bool(keys) and self.unsubscribe(*keys[0])

    def keyframe(self, process_id: str) -> KeyFrame:
        self._check(process_id)
        return self.frame

    def brief(self, process_id: str) -> dict[str, Any]:
        watching = sum(live == process_id for live, _ in self.viewers_by_id)
        is_live = process_id in self.live
        return {"state": "live" if is_live else "off", "reason": "", "viewers": watching}

    def process_state(self, process_id: str) -> dict[str, Any]:
        self._check(process_id)
        start = {"mode": "gop", "bytes": 0, "keyframe_interval_seconds": None, "reason": ""}
        return {
            "process_id": process_id,
            "state": "live",
            "reason": "",
            "instant_start": start,
            "plan": [],
            "source": {},
            "vp8": {"state": "off", "reason": ""},
            "viewers": [{**VIEWER, "address": "198.51.100.9"}],
        }

    def _check(self, process_id: str) -> None:
        if self.refusal is not None:
            raise self.refusal
        if process_id not in self.live:
            raise NotFoundError("no live process", reason="not-live")


class ScriptedAuth:
    """Tokens are JSON: ``{"scopes": [..], "process_id": ..}``; anything else is garbage."""

    def __init__(self) -> None:
        self.logins: list[tuple[str, str, str]] = []
        self.refusal: Exception | None = None

    def verify(self, token: str, *usefor: str) -> Claims:
        try:
            said = json.loads(token)
        except ValueError:
            raise AuthError("Missing or invalid JWT token") from None
        use = said.get("use", "access")
        if use not in usefor:
            raise AuthError("Missing or invalid JWT token")
        return Claims(
            subject=said.get("subject", "somebody"),
            scopes=frozenset(said["scopes"]),
            process_id=said.get("process_id"),
            token_id=f"{use}-1",
            expires_at=4_000_000_000,
        )

    async def login(self, username: str, password: str, source: str) -> Tokens:
        self.logins.append((username, password, source))
        if self.refusal is not None:
            raise self.refusal
        return Tokens(access="a", refresh="r")

    async def refresh(self, token: str) -> Tokens:
        if token != "r":
            raise AuthError("Missing or invalid JWT token")
        return Tokens(access="a2", refresh="r2")


class ScriptedAccess:
    """Gives out ``given`` and knows no other viewer's token."""

    given = ViewerToken("cam", "t1", "somebody", 1_700_000_000, 1_700_003_600)

    async def create(self, process_id: str, **wanted: Any) -> tuple[str, ViewerToken]:
        return "a.viewers.token", replace(self.given, process_id=process_id)

    async def of_process(self, process_id: str) -> list[ViewerToken]:
        return [self.given]

    async def revoke(self, process_id: str, token_id: str) -> None:
        raise NotFoundError("no such token", reason="unknown-token")

    async def revoke_process(self, process_id: str) -> None:
        return

    async def revoke_creator(self, name: str) -> None:
        return

    async def last_end(self) -> int:
        return 0


def token(
    scopes: frozenset[str] = ALL_SCOPES, process_id: str | None = None, **more: str
) -> dict[str, str]:
    """Make the header of a caller with these scopes; ``more``: ``use``, ``subject``."""
    said = json.dumps({"scopes": sorted(scopes), "process_id": process_id} | more)
    return {"Authorization": f"Bearer {said}"}


class Api:
    """The application over scripted services, and a client that sends paths as they are."""

    def __init__(
        self, *configs: ProcessConfig, is_auth_off: bool = False, **others: Any
    ) -> None:
        self.restreamer = ScriptedRestreamer(*configs)
        self.webrtc = ScriptedWebRTC()
        self.auth = ScriptedAuth()
        unused = cast("Any", None)
        sessions = others.get("sessions", Sessions())
        self.live = Live(
            cast("Restreamer", self.restreamer), cast("WebRTC", self.webrtc), sessions
        )
        self.services = Services(
            **{
                "restreamer": cast("Restreamer", self.restreamer),
                "webrtc": cast("WebRTC", self.webrtc),
                "auth": None if is_auth_off else cast("Auth", self.auth),
                "config_service": unused,
                "skills": SkillsCache(unused),
                "log_buffer": unused,
                "about": unused,
                "live": self.live,
                "sessions": sessions,
                "metrics": unused,
                "storage": Storage(
                    DiskFilesystem(Path("/nonexistent")), MemoryFilesystem(1024 * 1024)
                ),
                **others,
            }
        )
        self.app = create_app(self.services)

    async def call(
        self,
        method: str,
        target: str,
        *,
        body: Any = None,
        data: bytes | str | None = None,
        headers: dict[str, str] | None = None,
        peer: tuple[str, int] | None = PEER,
        root_path: str = "",
    ) -> Response:
        """Send one request as somebody who may do everything, unless ``headers`` say else."""
        path, _, query = target.partition("?")
        fields = token() if headers is None else dict(headers)
        if body is not None:
            data = json.dumps(body)
            fields.setdefault("Content-Type", "application/json")
        return await QuartClient(self.app, use_cookies=False).open(
            "/",
            method=method,
            data=data,
            headers=fields,
            root_path=root_path,
            scope_base={
                "path": unquote(path),
                "raw_path": path.encode(),
                "query_string": query.encode(),
                "client": peer,
                "server": ("127.0.0.1", 8080),
            },
        )
