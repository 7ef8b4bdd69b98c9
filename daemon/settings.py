"""Config -> what each room is told: services take values, not the whole configuration."""

import hashlib
import hmac
import logging
import re
import time
from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path

from daemon.auth import Role, User, password_hash
from daemon.config import Config, Secrets, is_loopback, value_at
from daemon.restream.alarm import Alarm
from daemon.restream.config import ProcessConfig
from daemon.restream.policy import Policy
from daemon.storage.database import Database
from daemon.storage.read_only import scratch
from daemon.webrtc.registry import Limits
from daemon.webrtc.subsystem import Settings

log = logging.getLogger(__name__)

MIB = 1024 * 1024
NEEDS_START = ("db.dir", "storage.disk.dir", "ffmpeg.binary", "ffmpeg.log")
PENDING_SHARE = 2  # of the viewers of one address, one in so many may be on its way


def webrtc_settings(config: Config) -> Settings:
    """Give what the WebRTC subsystem is told."""
    webrtc = config.webrtc
    return Settings(
        enable=webrtc.enable,
        public_ip=str(webrtc.public_ip),
        nat_1to1_ips=tuple(str(address) for address in webrtc.nat_1to1_ips),
        udp_mux_port=webrtc.udp_mux_port,
        include_loopback=is_loopback(config.address),
    )


def viewer_limits(config: Config) -> Limits:
    """Give how many may watch."""
    limits = config.limits
    return Limits(
        per_address=limits.viewers_per_address,
        per_subject=limits.viewers_per_subject,
        per_process=limits.viewers_per_process,
        total=limits.viewers,
        pending_per_address=max(4, limits.viewers_per_address // PENDING_SHARE),
    )


def process_policy(config: Config) -> Policy:
    """Give what processes may be told to do."""
    access = config.ffmpeg.access
    return Policy(
        input_allow=_patterns(access.input.allow),
        input_block=_patterns(access.input.block),
        output_allow=_patterns(access.output.allow),
        output_block=_patterns(access.output.block),
        disk_dir=Path(config.storage.disk.dir).resolve(),
        is_safe=config.ffmpeg.policy == "safe",
        read_dirs=tuple(
            Path(text).resolve() for text in (config.storage.disk.dir, *access.input.dirs)
        ),
        private=(Path(config.db.dir).resolve(), Path("/proc"), Path("/sys")),
        networks=tuple(ip_network(text, strict=False) for text in access.networks.block),
    )


def _patterns(texts: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(text) for text in texts)


def needs_start(old: Config, new: Config) -> list[str]:
    """Name the changed keys that a reload doesn't touch."""
    before, after = old.model_dump(), new.model_dump()
    return [key for key in NEEDS_START if value_at(before, key) != value_at(after, key)]


def uses_memory(config: ProcessConfig) -> bool:
    """Whether a process reads or writes files in memory, whose address is in its command."""
    return any(
        "{memfs" in text or "{fs:mem" in text
        for element in (*config.input, *config.output)
        for text in (element.address, *element.options)
    )


def store_alarms(database: Database) -> list[Alarm]:
    """Say what is wrong with the store since the start."""
    alarms = []
    if database.recovered_from is not None:
        text = f"the store was damaged and is restored from {database.recovered_from.name}"
        alarms.append(Alarm("store-recovered", text, int(time.time())))
    if database.is_read_only:
        text = "the store is read-only: processes are supervised, changes are refused"
        alarms.append(Alarm("store-read-only", text, int(time.time())))
    for alarm in alarms:
        log.error("%s", alarm.text)
    return alarms


def work_dir(database: Database) -> Path:
    """Give the place of the FFmpegs' working directories."""
    if database.is_read_only:
        return scratch()
    return database.path.parent / "work"


def make_disk(root: Path) -> None:
    """Make the directory that processes may write to; without it others are none the worse."""
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        log.warning("disk: %s can't be made: %s", root, error.strerror)


async def administrator(config: Config, secrets: Secrets) -> User | None:
    """Give the administrator whose password stands in the configuration; None: it doesn't.

    Another name or password is another epoch, so that a change ends their tokens; a restart
    must not.
    """
    auth = config.api.auth
    if not auth.enable or not auth.password:
        return None
    name, secret = auth.username, secrets.jwt_key
    hashed = await password_hash(auth.password, username=name, secret=secret)
    said = b"epoch\0" + name.encode() + b"\0" + auth.password.encode()
    epoch = hmac.digest(secret, said, hashlib.sha256).hex()[:16]
    return User(name, Role.ADMIN, hashed, epoch, is_configured=True)


def first_administrator(config: Config, secrets: Secrets) -> User:
    """Give the administrator whose password the first run made."""
    said = b"first epoch\0" + secrets.password_hash.encode()
    epoch = hmac.digest(secrets.jwt_key, said, hashlib.sha256).hex()[:16]
    name = config.api.auth.username or "admin"
    return User(name, Role.ADMIN, secrets.password_hash, epoch, int(time.time()))
