"""Core: builds everything once, runs it in one TaskGroup, stops it in order."""

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope

from daemon import log as logs
from daemon.auth import Auth, Keyring, Users, ViewerAccess, hash_password
from daemon.config import (
    Config,
    ConfigService,
    Loaded,
    Secrets,
    load,
    load_secrets,
)
from daemon.errors import ConfigError, DragonError
from daemon.ffmpeg import binary, probe, skills
from daemon.http.about import About
from daemon.http.access import access_of
from daemon.http.app import Services, create_app
from daemon.http.front import Front
from daemon.http.live import Live
from daemon.http.measure import Measure
from daemon.http.metrics import Metrics
from daemon.http.mounts import memfs_url, mount
from daemon.http.skills import SkillsCache
from daemon.notify import Notifier
from daemon.open_files import raise_limit
from daemon.restream.alarm import Alarm
from daemon.restream.config import ProcessId
from daemon.restream.restreamer import Restreamer
from daemon.restream.store import Store
from daemon.session import Sessions
from daemon.settings import (
    MIB,
    administrator,
    first_administrator,
    make_disk,
    needs_start,
    process_policy,
    store_alarms,
    uses_memory,
    viewer_limits,
    webrtc_settings,
    work_dir,
)
from daemon.storage.atomic import write_atomic
from daemon.storage.database import Database
from daemon.storage.lock import lock_directory
from daemon.storage.revocation import Revocations
from daemon.storage.schedule import run_backups
from daemon.storage.users import UserStore
from daemon.storage.viewer_token import ViewerTokens
from daemon.webrtc.subsystem import WebRTC

log = logging.getLogger(__name__)

DATABASE = "dragonctl.db"
HARD_STOP = 19.0  # seconds from the first signal; then whatever is left is killed with us
SAME_ORDER = 1.0  # seconds; tools signal a process and its group, which is one order
LOOPS_SINCE = 7  # FFmpeg's major version

Announce = Callable[[str], None]


def run(config_path: Path | None, environ: Mapping[str, str], *, announce: Announce) -> int:
    """Run the daemon until it is told to stop; returns the exit code.

    Raises DragonError when it can't start. ``announce`` gets lines for the operator's terminal:
    the addresses, and the password of a first run.
    """
    raise_limit()
    loaded = load(config_path, environ)
    directory = Path(loaded.config.db.dir)
    secrets, password = load_secrets(
        directory,
        hash_password=hash_password,
        is_password_needed=_needs_password(loaded.config),
    )
    with lock_directory(directory):
        database = Database.open(directory / DATABASE)
        try:
            core = Core(loaded, environ, secrets, database, announce)
            if password is not None:
                name = loaded.config.api.auth.username or "admin"
                announce(f"first run: user {name}, password {password} (not shown again)")
            return asyncio.run(core.run())
        finally:
            database.close()


class Core:
    """One daemon."""

    def __init__(
        self,
        loaded: Loaded,
        environ: Mapping[str, str],
        secrets: Secrets,
        database: Database,
        announce: Announce,
    ) -> None:
        config = loaded.config
        self._config = config
        self._secrets = secrets
        self._announce = announce
        self._notifier = Notifier(environ)
        self._stop = asyncio.Event()
        self._stop_ordered = 0.0
        self._buffer = logs.LogBuffer(config.log.max_lines)
        self._console = logs.console(sys.stderr)
        self._set_up_log(config, loaded.warnings)
        self._database = database
        self._store_alarms = store_alarms(database)
        self._service = ConfigService(
            loaded,
            environ=environ,
            write=write_atomic,
            on_reload=self._apply,
            instance_id=secrets.instance_id,
        )
        self._about = About(self._service, self._alarms)
        self._revocations = Revocations(database)
        self._auth = self._make_auth(database)
        self._binary = binary.find(config.ffmpeg.binary)
        self._storage = mount(config)
        self._places = {"diskfs": str(self._storage.disk.root)}
        self._set_places(config.address, config.address)
        self._sessions = Sessions()
        self._set_up_sessions(config)
        self._webrtc = WebRTC(
            webrtc_settings(config),
            prober=partial(probe.probe, self._binary),
            limits=viewer_limits(config),
            is_revoked=self._is_revoked,
            ffmpeg=self._binary,
        )
        self._restreamer = self._make_restreamer(config, database)
        self._live = Live(self._restreamer, self._webrtc, self._sessions)
        self._metrics = Metrics(Measure(self._restreamer, self._sessions, self._storage))
        self._set_up_metrics(config)

    def _make_restreamer(self, config: Config, database: Database) -> Restreamer:
        return Restreamer(
            store=Store(database),
            binary=self._binary,
            hooks=self._webrtc.hooks,
            work_dir=work_dir(database),
            instance_id=self._secrets.instance_id,
            max_processes=config.ffmpeg.max_processes,
            log_lines=config.ffmpeg.log.max_lines,
            log_history=config.ffmpeg.log.max_history,
            max_file_bytes=config.ffmpeg.max_file_mbytes * MIB,
            placeholders=self._places,
            policy=process_policy(config),
            filesystems={"disk": self._storage.disk, "mem": self._storage.memory},
            grants=self._storage.grants,
        )

    async def run(self) -> int:
        """Start, serve, stop in order. Raises ConfigError if the address can't be had."""
        await self._prepare()
        failed: list[BaseException] = []
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                webrtc = group.create_task(self._webrtc.run())
                restreamer = group.create_task(self._restreamer.run())
                await self._restreamer.ready.wait()  # before it, no process is known
                watching = [
                    group.create_task(part.run())
                    for part in (self._live, self._metrics, self._front)
                ]
                watching.append(group.create_task(run_backups(self._database)))
                prove = partial(self._database.query, "SELECT 1")
                watching.append(group.create_task(self._notifier.run(prove)))
                self._on_ready(await self._front.listen(self._config))
                await self._stop.wait()
                log.info("stopping")
                self._notifier.say("STOPPING=1")
                # viewers hear of it first, then FFmpeg ends, then the API goes
                restreamer.cancel()
                await asyncio.wait({restreamer})
                for task in (webrtc, *watching):
                    task.cancel()
                await self._front.end()
        except* asyncio.CancelledError:
            pass
        except* DragonError as group_of:  # what is raised in here would be grouped again
            failed += group_of.exceptions
        if failed:
            raise failed[0]
        log.info("stopped")
        return 0

    async def _prepare(self) -> None:
        self._watch_signals()
        make_disk(self._storage.disk.root)
        await self._revocations.load(time.time())
        await self._set_up_accounts()
        self._webrtc.hooks.breaks_loops = await self._breaks_loops()
        await self._webrtc.open()
        self._app = create_app(self._services())
        self._front = Front(self._serve_current)

    async def _serve_current(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Pass a request to the application, which a reload may have made anew."""
        await self._app(scope, receive, send)

    async def _breaks_loops(self) -> bool:
        """Whether FFmpeg is older than 7: see ``make_plan``."""
        try:
            version = await binary.version(self._binary)
        except OSError as error:
            log.warning("ffmpeg: %s can't be run: %s", self._binary, error.strerror)
            return False
        return int(version.partition(".")[0] or LOOPS_SINCE) < LOOPS_SINCE

    def _alarms(self) -> list[Alarm]:
        """List what an operator should look at."""
        return [*self._store_alarms, *self._restreamer.alarms()]

    def _is_revoked(self, login_id: str) -> bool:
        return any(self._revocations.contains(kind, login_id) for kind in ("token", "family"))

    def _services(self) -> Services:
        config = self._config
        auth = self._auth if config.api.auth.enable else None
        return Services(
            restreamer=self._restreamer,
            webrtc=self._webrtc,
            auth=auth,
            config_service=self._service,
            skills=SkillsCache(partial(skills.read, self._binary)),
            log_buffer=self._buffer,
            about=self._about,
            live=self._live,
            viewer_access=ViewerAccess(auth, self._viewer_tokens) if auth else None,
            storage=self._storage,
            sessions=self._sessions,
            metrics=self._metrics,
            is_counting=config.sessions.enable,
            ignored_viewers=config.sessions.ip_ignorelist,
            trusted_proxies=tuple(str(network) for network in config.api.trusted_proxies),
            is_session_strict=config.api.session_auth == "token",
            access=access_of(config),
            viewers_per_address=config.limits.viewers_per_address,
            cors_origins=config.storage.cors.origins,
            frame_ancestors=config.ui.frame_ancestors,
            has_prometheus=config.metrics.enable_prometheus,
        )

    def _set_places(self, configured: str, shown: str) -> None:
        """Tell processes where memory is; ``shown`` is an address that we listen on."""
        memory = memfs_url(configured, shown)
        self._places |= {"fs:disk": self._places["diskfs"], "memfs": memory, "fs:mem": memory}

    def _set_up_sessions(self, config: Config) -> None:
        limits = config.sessions
        self._sessions.set_limits(
            float(limits.session_timeout_sec),
            limits.max_sessions,
            limits.max_bitrate_mbit * 1e6,
        )

    def _set_up_metrics(self, config: Config) -> None:
        wanted = config.metrics
        self._metrics.history.set_up(wanted.enable, wanted.range_sec, wanted.interval_sec)

    def _on_ready(self, addresses: list[str]) -> None:
        self._set_places(self._config.address, addresses[0].partition("://")[2])
        for address in addresses:
            self._announce(f"serving at {address}")
        log.info("http: serving at %s", ", ".join(addresses))
        self._notifier.say("READY=1", f"STATUS=serving at {', '.join(addresses)}")
        # modules stay for good: a full collection that looks at them too stalls media for 40 ms
        gc.collect()
        gc.freeze()

    def _watch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)

    def _on_signal(self, number: signal.Signals) -> None:
        """Stop; the second time, and when stopping takes too long, at once."""
        now = time.monotonic()
        if not self._stop.is_set():
            self._stop_ordered = now
            self._stop.set()
            asyncio.get_running_loop().call_later(HARD_STOP, self._give_up)
        elif now - self._stop_ordered > SAME_ORDER:
            log.warning("stopped at once: a second %s", number.name)
            os._exit(1)  # FFmpeg dies with us, by its parent-death signal

    def _give_up(self) -> None:
        log.error("stopping took more than %.0f s; leaving now", HARD_STOP)
        os._exit(1)

    def _on_hangup(self) -> None:
        self._group.create_task(self._reload())

    async def _reload(self) -> None:
        try:
            await self._service.reload()
        except DragonError as error:
            why = "; ".join([error.message, *error.details])
            log.warning("config: not reloaded: %s", why)

    def _make_auth(self, database: Database) -> Auth:
        self._viewer_tokens = ViewerTokens(database)
        accounts = UserStore(database)
        self._users = Users(accounts, on_ended=self._on_tokens_ended)
        self._keys = Keyring(accounts)
        return Auth(users=self._users, keys=self._keys, revocations=self._revocations)

    async def _set_up_accounts(self) -> None:
        """Learn users and keys; the administrator of the first run becomes a user (A8)."""
        await self._keys.load(self._secrets.jwt_key)
        await self._users.load()
        auth = self._config.api.auth
        self._keys.configure(auth.jwt.secret)
        self._users.configure(await administrator(self._config, self._secrets))
        if self._secrets.password_hash and not self._users.has_admin:
            await self._users.keep(first_administrator(self._config, self._secrets))

    def _on_tokens_ended(self, name: str) -> None:
        self._webrtc.end_subject(name, "token-revoked")

    async def _apply(self, old: Config, new: Config) -> None:
        """Make a changed configuration the one that runs, as far as that goes."""
        # what can fail comes first, so that a refused reload changes nothing
        configured = await administrator(new, self._secrets)
        if new.api.auth.enable and configured is None and not self._users.has_stored_admin:
            why = "is gone; only a restart makes a new one"
            raise ConfigError(f"api.auth.password {why}", problems={"api.auth.password": [why]})
        shown = await self._front.listen(new)
        memory = self._places["memfs"]
        self._set_places(new.address, shown[0].partition("://")[2])
        has_moved = self._places["memfs"] != memory
        self._users.configure(configured)
        is_new_key = self._keys.configure(new.api.auth.jwt.secret)
        if is_new_key or old.api.auth.enable != new.api.auth.enable:
            self._webrtc.end_all("token-revoked")  # all tokens end with their key
        self._config = new
        self._storage = mount(new, self._storage)
        self._set_up_sessions(new)
        self._set_up_metrics(new)
        self._app = create_app(self._services())
        self._restreamer.reconfigure(
            max_processes=new.ffmpeg.max_processes,
            max_file_bytes=new.ffmpeg.max_file_mbytes * MIB,
            policy=process_policy(new),
        )
        self._set_up_log(new)
        self._buffer.resize(new.log.max_lines)
        if webrtc_settings(new) != webrtc_settings(old) or new.limits != old.limits:
            await self._webrtc.reconfigure(webrtc_settings(new), viewer_limits(new))
        is_switched = new.webrtc.enable != old.webrtc.enable
        for process in self._restreamer.processes():
            needs_legs = is_switched and process.config.webrtc.enabled
            if needs_legs or (has_moved and uses_memory(process.config)):
                await self._restart(process.config.id)
        for key in needs_start(old, new):
            log.warning("config: %s takes effect at the next start of the daemon", key)

    async def _restart(self, process_id: ProcessId) -> None:
        try:
            await self._restreamer.command(process_id, "restart")
        except DragonError as error:
            log.warning("process %s: not restarted: %s", process_id, error.message)

    def _set_up_log(self, config: Config, warnings: Iterable[str] = ()) -> None:
        sinks = [self._console, self._buffer]
        logs.setup(config.log.level, sinks, topics=config.log.topics)
        for warning in warnings:
            log.warning("%s", warning)


def _needs_password(config: Config) -> bool:
    return config.api.auth.enable and not config.api.auth.password
