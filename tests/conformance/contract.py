"""datarhei Core's contract as one table: what each route is asked, and what it must answer.

The rows are asked in this order. Shapes: a type, a literal, ``[shape]`` for any number,
``{key: shape}`` for at least these keys, ``Maybe(shape)`` for null as well, ``Among`` for a few
words. The sections are those of the contract that this project follows (a.1 to a.4).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Maybe:
    shape: Any


@dataclass(frozen=True)
class Among:
    words: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    section: str
    method: str
    target: str
    status: int
    shape: Any
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    is_stranger: bool = False


NUMBER = (int, float)
ORDER = Among(("start", "stop"))
EXEC = Among(("finished", "starting", "running", "finishing", "failed", "killed"))
ERROR = {"code": int, "message": str, "details": [str]}
CONFIG = {
    "id": str,
    "type": "ffmpeg",
    "reference": str,
    "input": [{"id": str, "address": str, "options": [str]}],
    "output": [{"id": str, "address": str, "options": [str]}],
    "options": [str],
    "reconnect": bool,
    "reconnect_delay_seconds": int,
    "autostart": bool,
    "stale_timeout_seconds": int,
    "limits": {"cpu_usage": NUMBER, "memory_mbytes": int, "waitfor_seconds": int},
}
PROGRESS = {
    "inputs": list,
    "outputs": list,
    "frame": int,
    "packet": int,
    **dict.fromkeys(("fps", "q", "time", "bitrate_kbit", "speed"), NUMBER),
    "size_kb": int,
    "drop": int,
    "dup": int,
}
STATE = {
    "order": ORDER,
    "exec": EXEC,
    "runtime_seconds": int,
    "reconnect_seconds": int,
    "last_logline": str,
    "progress": PROGRESS,
    "memory_bytes": int,
    "cpu_usage": NUMBER,
    "command": [str],
}
RUN = {"created_at": int, "prelude": [str], "log": [[str]]}
REPORT = RUN | {"history": [RUN]}
PROCESS = {
    "id": str,
    "type": "ffmpeg",
    "reference": str,
    "created_at": int,
    "updated_at": int,
    "config": CONFIG,
    "state": STATE,
    "report": REPORT,
    "metadata": Maybe(dict),
}
CLUSTER = (
    ("GET", "iam/user"),
    ("GET", "cluster"),
    ("GET", "report/process"),
    ("POST", "process/probe"),
    ("PUT", "process/x/report"),
    ("PUT", "fs"),
    ("DELETE", "fs/disk"),
    ("PUT", "session/token/x"),
)
NAMED = [{"id": str, "name": str}]
CODECS = [{"id": str, "name": str, "encoders": Maybe([str]), "decoders": Maybe([str])}]
HARDWARE = {"id": str, "name": str, "extra": str, "media": Among(("audio", "video"))}
SKILLS = {
    "ffmpeg": {
        "version": str,
        "compiler": str,
        "configuration": str,
        "libraries": [{"name": str, "compiled": str, "linked": str}],
    },
    "filter": NAMED,
    "hwaccels": NAMED,
    "codecs": {"audio": CODECS, "video": CODECS, "subtitle": CODECS},
    "devices": {"demuxers": [{"id": str, "name": str, "devices": [HARDWARE]}], "muxers": list},
    "formats": {"demuxers": NAMED, "muxers": NAMED},
    "protocols": {"input": NAMED, "output": NAMED},
}
TRAFFIC = dict.fromkeys(("sessions", "traffic_rx_mb", "traffic_tx_mb"), int)
SESSIONS = {
    "active": {
        "list": list,
        "sessions": int,
        **dict.fromkeys(("bandwidth_rx_mbit", "bandwidth_tx_mbit"), NUMBER),
        "max_sessions": int,
        **dict.fromkeys(("max_bandwidth_rx_mbit", "max_bandwidth_tx_mbit"), NUMBER),
    },
    "summary": TRAFFIC | {"remote": dict, "local": dict, "reference": dict},
}
ABOUT = {
    "app": "datarhei-core",
    "auths": ["localjwt"],
    "name": str,
    "id": str,
    "created_at": str,
    "uptime_seconds": int,
    "version": {
        "number": str,
        **dict.fromkeys(("repository_commit", "repository_branch", "build_date"), str),
        "arch": str,
        "compiler": str,
    },
}
ACTIVE_CONFIG = {
    "created_at": str,
    "loaded_at": str,
    "updated_at": str,
    "overrides": [str],
    "config": {
        "version": 3,
        "id": str,
        "name": str,
        "address": str,
        "log": {"level": str, "topics": [str], "max_lines": int},
        "host": {"name": [str], "auto": bool},
        "api": {"auth": {"enable": bool, "username": str, "password": str}, "read_only": bool},
        "tls": {"enable": bool, "address": str},
        "storage": {
            "disk": {"dir": str, "max_size_mbytes": int, "cache": dict},
            "memory": {"max_size_mbytes": int, "purge": bool, "auth": dict},
            "cors": {"origins": [str]},
        },
        "rtmp": {"enable": bool, "enable_tls": bool, "address": str, "app": str, "token": str},
        "srt": {"enable": bool, "address": str, "passphrase": str, "token": str, "log": dict},
        "ffmpeg": {"binary": str, "max_processes": int, "access": dict, "log": dict},
        "sessions": {"enable": bool, "ip_ignorelist": [str]},
        "service": {"enable": bool, "token": str, "url": str},
        "router": {"blocked_prefixes": [str], "routes": dict, "ui_path": str},
    },
}
JSON = {"Content-Type": "application/json"}
NEW = {
    "id": "ui:ingest:1",
    "type": "ffmpeg",
    "reference": "ref",
    "input": [
        {"id": "in", "address": "rtsp://127.0.0.1:1/x", "options": ["-re"], "cleanup": None}
    ],
    "output": [{"id": "out", "address": "-", "options": ["-f", "null"]}],
    "options": ["-loglevel", "level+info"],
    "autostart": False,
    "reconnect": True,
    "reconnect_delay_seconds": 15,
    "stale_timeout_seconds": 30,
    **dict.fromkeys(("limits", "scheduler", "owner", "domain", "metadata", "log_patterns")),
}
P = "/api/v3/process"
ONE = f"{P}/ui%3Aingest%3A1"
NOBODY = f"{P}/nobody"
OK = "OK"


def rows() -> Iterator[Row]:
    """Give every row, in the order in which they are asked."""
    yield from _general()
    yield from _processes()
    yield from _commands_and_more()
    yield from _metadata()
    yield from _system()
    yield from _files()
    yield from _end()


def _general() -> Iterator[Row]:
    yield Row("a.2", "GET", "/ping", 200, "pong", is_stranger=True)
    minimal = {"app": "datarhei-core", "auths": ["localjwt"], "version": {"number": str}}
    yield Row("a.2", "GET", "/api", 200, minimal, is_stranger=True)
    yield Row("a.2", "GET", "/api", 200, ABOUT)
    yield Row("a.1", "GET", "/api/v3/nothing", 401, ERROR, is_stranger=True)
    yield Row("a.1", "GET", "/api/v3/nothing", 404, ERROR)
    yield Row("a.1", "GET", "/api/v3/process/", 404, ERROR)
    yield Row("a.1", "PATCH", ONE, 404, ERROR)
    yield Row("a.1", "PATCH", "/api/v3/fs/disk/x", 405, ERROR)
    # the cluster edition's, which its Python client has
    for method, path in CLUSTER:
        yield Row("a.4", method, f"/api/v3/{path}", 404, ERROR)
    yield Row("a.2", "POST", "/api/login", 400, ERROR, {}, is_stranger=True)
    wrong = {"username": "admin", "password": "x"}
    yield Row("a.2", "POST", "/api/login", 401, ERROR, wrong, is_stranger=True)
    right = {"username": "admin", "password": "secret"}
    tokens = {"access_token": str, "refresh_token": str}
    yield Row("a.2", "POST", "/api/login", 200, tokens, right, is_stranger=True)
    yield Row("a.2", "GET", "/api/login/refresh", 401, ERROR)
    yield Row("a.2", "GET", "/api/swagger/doc.json", 200, {"paths": dict}, is_stranger=True)


def _processes() -> Iterator[Row]:
    yield Row("a.3", "GET", P, 200, [PROCESS])
    yield Row("a.3", "PUT", ONE, 404, ERROR | {"message": "Process not found"}, NEW)
    yield Row("a.3", "POST", P, 200, CONFIG, NEW)
    twice = {"message": "Invalid process config", "details": ["process already exists"]}
    yield Row("a.3", "POST", P, 400, ERROR | twice, NEW)
    other = NEW | {"type": "x"}
    yield Row("a.3", "POST", P, 400, ERROR | {"message": "Unsupported process type"}, other)
    none = "At least one input and one output need to be defined"
    yield Row("a.3", "POST", P, 400, ERROR | {"message": none}, NEW | {"input": []})
    yield Row("a.1", "POST", P, 400, ERROR | {"message": "Invalid JSON"}, NEW | {"input": "x"})
    yield Row("a.3", "GET", P, 200, [PROCESS])
    yield Row("a.3", "GET", f"{P}?filter=state&reference=ref", 200, [{"state": STATE}])
    yield Row("a.3", "GET", f"{P}?idpattern=ui:*&refpattern=r*&filter=none", 200, [{"id": str}])
    yield Row("a.3", "GET", f"{P}?id=a,b", 200, [])
    yield Row("a.3", "GET", ONE, 200, PROCESS)
    yield Row("a.3", "GET", NOBODY, 404, ERROR | {"message": "Unknown process ID"})
    change = {"id": None, "reconnect_delay_seconds": 10, "limits": {"memory_mbytes": 100}}
    yield Row("a.3", "PUT", ONE, 200, CONFIG | {"reconnect_delay_seconds": 10}, change)
    bad = ERROR | {"message": "Process can't be updated"}
    yield Row("a.3", "PUT", ONE, 400, bad, {"input": [{"address": "#nobody:output=x"}]})


def _commands_and_more() -> Iterator[Row]:
    unknown = ERROR | {"message": "Unknown command provided"}
    yield Row("a.3", "PUT", f"{ONE}/command", 400, unknown, {"command": "jump"})
    yield Row("a.3", "PUT", f"{NOBODY}/command", 400, ERROR, {"command": "start"})
    for word in ("stop", "restart", "reload"):
        yield Row("a.3", "PUT", f"{ONE}/command", 200, OK, {"command": word})
    for what, shape in (("config", CONFIG), ("state", STATE), ("report", REPORT)):
        yield Row("a.3", "GET", f"{ONE}/{what}", 200, shape)
        yield Row("a.3", "GET", f"{NOBODY}/{what}", 404, ERROR)
    log = ["Unknown process ID (nobody)"]
    yield Row("a.3", "GET", f"{NOBODY}/probe", 200, {"streams": [], "log": log})
    for path in ("status", "reopen", "keyframe/x", "errorframe/encode"):
        no = ERROR | {"message": "Unknown process or input"}
        yield Row("a.3", "GET", f"{ONE}/playout/in/{path}", 404, no)
    yield Row("a.4", "GET", "/api/v3/widget/process/nobody", 404, ERROR, is_stranger=True)
    counts = dict.fromkeys(("current_sessions", "total_sessions", "uptime"), int)
    widget = "/api/v3/widget/process/ui%3Aingest%3A1"
    yield Row("a.4", "GET", widget, 200, counts, is_stranger=True)


def _metadata() -> Iterator[Row]:
    for place, missing in ((f"{ONE}/metadata", ERROR), ("/api/v3/metadata", ERROR)):
        yield Row("a.3", "GET", place, 200, None)
        yield Row("a.3", "GET", f"{place}/k", 404, missing)
        yield Row("a.3", "PUT", f"{place}/k", 200, {"a": [1, None]}, {"a": [1, None]})
        yield Row("a.3", "GET", f"{place}/k", 200, {"a": [1, None]})
        yield Row("a.3", "GET", place, 200, {"k": dict})
    yield Row("a.3", "PUT", f"{NOBODY}/metadata/k", 404, ERROR, 1)


def _system() -> Iterator[Row]:
    yield Row("a.4", "GET", "/api/v3/config", 200, ACTIVE_CONFIG)
    nulls = {"version": 3, "name": "n", **dict.fromkeys(("id", "address", "cluster", "rtmp"))}
    yield Row("a.4", "PUT", "/api/v3/config", 200, OK, nulls)
    yield Row("a.4", "PUT", "/api/v3/config", 400, ERROR, {"version": 9})
    wrong = {"version": 3, "address": "x"}
    yield Row("a.1", "PUT", "/api/v3/config", 409, {"address": [str]}, wrong)
    rtmp = {"version": 3, "rtmp": {"enable": True}}
    yield Row("a.4", "PUT", "/api/v3/config", 409, {"rtmp.enable": [str]}, rtmp)
    yield Row("a.4", "GET", "/api/v3/config/reload", 200, OK)
    yield Row("a.4", "GET", "/api/v3/skills", 200, SKILLS)
    yield Row("a.4", "GET", "/api/v3/skills/reload", 200, SKILLS)
    yield Row("a.4", "GET", "/api/v3/log", 200, [str])
    yield Row("a.4", "GET", "/api/v3/log?format=raw", 200, [{"ts": str, "component": str}])
    yield Row("a.4", "GET", "/api/v3/rtmp", 404, ERROR)
    yield Row("a.4", "GET", "/api/v3/srt", 404, ERROR)
    four = "ffmpeg,hls,rtmp,srt"
    yield Row(
        "a.4", "GET", "/api/v3/session?collectors=hls,x", 200, {"hls": SESSIONS, "x": dict}
    )
    yield Row("a.4", "GET", "/api/v3/session", 200, {"": SESSIONS})
    active = dict.fromkeys(four.split(","), list)
    yield Row("a.4", "GET", f"/api/v3/session/active?collectors={four}", 200, active)
    described = [{"name": str, "description": str, "labels": [str]}]
    yield Row("a.4", "GET", "/api/v3/metrics", 200, described)
    series = {"name": "cpu_ncpu", "labels": None, "values": [[NUMBER]]}
    answer = {"timerange_sec": int, "interval_sec": int, "metrics": [series]}
    query = {"timerange_sec": 0, "interval_sec": 0, "metrics": [{"name": "cpu_ncpu"}]}
    yield Row("a.4", "POST", "/api/v3/metrics", 200, answer, query)


def _files() -> Iterator[Row]:
    kinds = [{"name": str, "type": str, "mount": str}]
    yield Row("a.4", "GET", "/api/v3/fs", 200, kinds)
    yield Row("a.4", "GET", "/api/v3/fs/nothing", 404, ERROR)
    for name in ("disk", "mem"):
        place = f"/api/v3/fs/{name}"
        yield Row("a.4", "PUT", f"{place}/a/b.txt", 201, "", "hello")
        yield Row("a.4", "PUT", f"{place}/a/b.txt", 204, "", "hello")
        files = [{"name": str, "size_bytes": int, "last_modified": int}]
        yield Row("a.4", "GET", f"{place}?glob=/a/*&sort=name&order=asc", 200, files)
        yield Row("a.4", "GET", f"{place}/a/b.txt", 200, '"hello"')
        yield Row("a.4", "DELETE", f"{place}/a/b.txt", 200, "Deleted: /a/b.txt")
        yield Row("a.4", "DELETE", f"{place}/a/b.txt", 404, ERROR)
        yield Row("a.4", "GET", f"{place}/a/b.txt", 404, ERROR)
    yield Row("a.2", "GET", "/memfs/x", 404, ERROR, is_stranger=True)
    yield Row("a.2", "PUT", "/memfs/x", 401, ERROR, "x", is_stranger=True)
    yield Row("a.2", "DELETE", "/memfs/x", 401, ERROR, is_stranger=True)
    yield Row("a.2", "GET", "/x.html", 404, ERROR, is_stranger=True)


def _end() -> Iterator[Row]:
    yield Row("a.3", "DELETE", ONE, 200, OK)
    yield Row("a.3", "DELETE", ONE, 404, ERROR)


def differences(shape: Any, value: Any, place: str = "answer") -> Iterator[str]:
    """Say where a value isn't as its shape."""
    if isinstance(shape, Maybe):
        yield from () if value is None else differences(shape.shape, value, place)
    elif isinstance(shape, Among):
        if value not in shape.words:
            yield f"{place} is {value!r}, not one of {shape.words}"
    elif isinstance(shape, type | tuple):
        if not isinstance(value, shape) or (isinstance(value, bool) and shape is not bool):
            yield f"{place} is {value!r}, not {shape}"
    elif isinstance(shape, dict):
        yield from _differences_of_members(shape, value, place)
    elif isinstance(shape, list) and len(shape) == 1 and not isinstance(shape[0], str):
        yield from _differences_of_items(shape[0], value, place)
    elif value != shape:
        yield f"{place} is {value!r}, not {shape!r}"


def _differences_of_items(shape: Any, value: Any, place: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{place} is {value!r}, not a list"
        return
    for number, item in enumerate(value):
        yield from differences(shape, item, f"{place}[{number}]")


def _differences_of_members(shape: dict[str, Any], value: Any, place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place} is {value!r}, not an object"
        return
    for key, inner in shape.items():
        if key not in value:
            yield f"{place}.{key} is missing"
        else:
            yield from differences(inner, value[key], f"{place}.{key}")
