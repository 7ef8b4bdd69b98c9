"""Config: every key, its default and its rule, with the names of datarhei Core's version 3.

What we add: ``webrtc``, ``ui``, ``limits``, ``api.trusted_proxies`` and ``api.session_auth``.
Keys that we accept for datarhei's clients but don't act on are listed in ``notes.py``.
"""
# ruff: noqa: D101 - a class here is one table; config.example.toml says what each key does

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from daemon.config.rules import (
    Address,
    Count,
    ExactOrigins,
    Flag,
    HostOrEmpty,
    Int,
    Ips,
    Items,
    Networks,
    Origins,
    Patterns,
    Port,
    Secret,
    SigningKey,
    Str,
    Text,
    Texts,
    between,
    one_of,
    refuse,
    shorten,
)

VERSION = 3


def _check_version(value: int) -> int:
    if value != VERSION:
        raise refuse(f"must be {VERSION}, not {value}")
    return value


def _as_path(value: Any) -> Any:
    if isinstance(value, str) and (not value.strip() or "\0" in value):
        raise refuse("must name a directory")
    return value


def _as_time(value: Any) -> Any:
    """TOML has times of its own; JSON brings text."""
    return value.isoformat() if isinstance(value, datetime) else value


def _as_app(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(r"/[^\s?#]*", value):
        raise refuse(f"must be a path that starts with /, not {shorten(value)}")
    return value


Directory = Annotated[Str, BeforeValidator(_as_path)]
Seconds = Annotated[Int, between(1, 10**9)]


class Block(BaseModel):
    """One table: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Access(Block):
    """Allowed and blocked; an empty ``allow`` allows everything."""

    allow: Networks = ()
    block: Networks = ()


class ApiAccess(Block):
    http: Access = Access()
    https: Access = Access()


class Jwt(Block):
    secret: SigningKey = ""


class Auth0Tenant(Block):
    domain: Text = ""
    audience: Text = ""
    clientid: Text = ""
    users: Texts = ()


class Auth0(Block):
    enable: Flag = False
    tenants: Annotated[tuple[Auth0Tenant, ...], Items] = ()


class ApiAuth(Block):
    enable: Flag = True
    disable_localhost: Flag = False
    username: Text = "admin"
    password: Secret = ""
    jwt: Jwt = Jwt()
    auth0: Auth0 = Auth0()


class Api(Block):
    read_only: Flag = False
    trusted_proxies: Networks = ()
    session_auth: Annotated[Str, one_of("url", "token")] = "url"
    access: ApiAccess = ApiAccess()
    auth: ApiAuth = ApiAuth()


class Log(Block):
    level: Annotated[Str, one_of("silent", "error", "warn", "info", "debug")] = "info"
    topics: Texts = ()
    max_lines: Annotated[Int, between(0, 100_000)] = 1000


class Db(Block):
    dir: Directory = "./config"


class Host(Block):
    name: Texts = ()
    auto: Flag = True


class Tls(Block):
    address: Address = ":8181"
    enable: Flag = False
    auto: Flag = False
    email: Text = ""
    cert_file: Text = ""
    key_file: Text = ""


class CacheTypes(Block):
    allow: Texts = ()
    block: Texts = (".m3u8", ".mpd")


class Cache(Block):
    enable: Flag = True
    max_size_mbytes: Count = 0
    ttl_seconds: Count = 300
    max_file_size_mbytes: Count = 1
    types: CacheTypes = CacheTypes()


class Disk(Block):
    dir: Directory = "./data"
    max_size_mbytes: Count = 0
    cache: Cache = Cache()


class MemoryAuth(Block):
    enable: Flag = True
    username: Text = "admin"
    password: Secret = ""


class Memory(Block):
    max_size_mbytes: Count = 0
    purge: Flag = False
    auth: MemoryAuth = MemoryAuth()


class S3Auth(Block):
    enable: Flag = False
    username: Text = ""
    password: Secret = ""


class S3(Block):
    name: Text = ""
    mountpoint: Text = ""
    auth: S3Auth = S3Auth()
    endpoint: Text = ""
    access_key_id: Secret = ""
    secret_access_key: Secret = ""
    bucket: Text = ""
    region: Text = ""
    use_ssl: Flag = False


class Cors(Block):
    origins: Origins = ("*",)


class Storage(Block):
    mimetypes_file: Text = "./mime.types"
    disk: Disk = Disk()
    memory: Memory = Memory()
    s3: Annotated[tuple[S3, ...], Items] = ()
    cors: Cors = Cors()


class Rtmp(Block):
    enable: Flag = False
    enable_tls: Flag = False
    address: Address = ":1935"
    address_tls: Address = ":1936"
    app: Annotated[Str, BeforeValidator(_as_app)] = "/"
    token: Secret = ""


class SrtLog(Block):
    enable: Flag = False
    topics: Texts = ()


class Srt(Block):
    enable: Flag = False
    address: Address = ":6000"
    passphrase: Secret = ""
    token: Secret = ""
    log: SrtLog = SrtLog()


class Filter(Block):
    """Regular expressions over addresses."""

    allow: Patterns = ()
    block: Patterns = ()


class InputFilter(Filter):
    """The same for inputs; files are read below ``storage.disk.dir`` and ``dirs`` only."""

    dirs: Annotated[tuple[Directory, ...], Items] = ()


class RefusedNetworks(Block):
    block: Networks = ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128")


class FfmpegAccess(Block):
    input: InputFilter = InputFilter()
    output: Filter = Filter()
    networks: RefusedNetworks = RefusedNetworks()


class FfmpegLog(Block):
    max_lines: Annotated[Int, between(0, 100_000)] = 50
    max_history: Annotated[Int, between(0, 1000)] = 3


class Ffmpeg(Block):
    binary: Text = "ffmpeg"
    max_processes: Count = 0
    max_file_mbytes: Count = 0
    policy: Annotated[Str, one_of("safe", "raw")] = "safe"
    access: FfmpegAccess = FfmpegAccess()
    log: FfmpegLog = FfmpegLog()


class Playout(Block):
    enable: Flag = False
    min_port: Port = 0
    max_port: Port = 0


class Debug(Block):
    profiling: Flag = False
    force_gc: Int = 0
    memory_limit_mbytes: Count = 0


class Metrics(Block):
    enable: Flag = False
    enable_prometheus: Flag = False
    range_sec: Seconds = 300
    interval_sec: Seconds = 2


class Sessions(Block):
    enable: Flag = True
    ip_ignorelist: Networks = ("127.0.0.1/32", "::1/128")
    session_timeout_sec: Seconds = 30
    persist: Flag = False
    persist_interval_sec: Seconds = 300
    max_bitrate_mbit: Count = 0
    max_sessions: Count = 0


class Service(Block):
    enable: Flag = False
    token: Secret = ""
    url: Text = ""


class Router(Block):
    blocked_prefixes: Texts = ("/api",)
    routes: dict[str, Text] = Field(default_factory=dict)
    ui_path: Text = ""


class Ui(Block):
    frame_ancestors: ExactOrigins = ()


class WebRtc(Block):
    enable: Flag = False
    public_ip: HostOrEmpty = ""
    nat_1to1_ips: Ips = ()
    udp_mux_port: Port = 0


class Limits(Block):
    """How many viewers at once; 429 or 503 beyond."""

    viewers: Annotated[Int, between(1, 100_000)] = 500
    viewers_per_process: Annotated[Int, between(1, 100_000)] = 200
    viewers_per_address: Annotated[Int, between(1, 100_000)] = 20
    viewers_per_subject: Annotated[Int, between(1, 100_000)] = 40


class Config(Block):
    """The whole configuration; ``Config()`` holds the defaults."""

    version: Annotated[Int, AfterValidator(_check_version)] = VERSION
    created_at: Annotated[Str, BeforeValidator(_as_time)] = ""
    id: Text = ""
    name: Text = "dragonctl"
    address: Address = "127.0.0.1:8080"
    update_check: Flag = False
    log: Log = Log()
    db: Db = Db()
    host: Host = Host()
    api: Api = Api()
    tls: Tls = Tls()
    storage: Storage = Storage()
    rtmp: Rtmp = Rtmp()
    srt: Srt = Srt()
    ffmpeg: Ffmpeg = Ffmpeg()
    playout: Playout = Playout()
    debug: Debug = Debug()
    metrics: Metrics = Metrics()
    sessions: Sessions = Sessions()
    service: Service = Service()
    router: Router = Router()
    ui: Ui = Ui()
    webrtc: WebRtc = WebRtc()
    limits: Limits = Limits()
