"""What a test is asked to do, and what it found."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

MAX_VIEWERS = 200  # more from one Python process would measure the process
MAX_DURATION = 3600.0  # seconds
MAX_TIMEOUT = 300.0  # seconds


class Verdict(StrEnum):
    """What the test came to: would a viewer be content."""

    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Options:
    """What to test. ``duration`` and ``timeout`` are in seconds.

    ``duration`` counts from the first picture (or sound); ``timeout`` is for each step before
    that: the answer, ICE, DTLS, the first picture. ``strict`` makes a broken MUST of the
    protocol a reason for a bad verdict.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    duration: float = 5.0
    viewers: int = 1
    save: Path | None = None
    timeout: float = 10.0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    verify_tls: bool = True
    strict: bool = False

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        _ = parts.port  # raises ValueError for a port that is none
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("the WHEP URL must begin with http:// or https:// and name a host")
        if not 1 <= self.viewers <= MAX_VIEWERS:
            raise ValueError(f"viewers must be 1 to {MAX_VIEWERS}")
        for name, value, limit in (
            ("duration", self.duration, MAX_DURATION),
            ("timeout", self.timeout, MAX_TIMEOUT),
        ):
            if not (math.isfinite(value) and 0 < value <= limit):
                raise ValueError(f"{name} must be more than 0 and at most {limit:.0f} seconds")


@dataclass(frozen=True, slots=True, order=True)
class Reason:
    """Why it is bad: a stable word for machines, a sentence that says what to do."""

    code: str
    text: str


class Level(StrEnum):
    """How much the draft insists."""

    MUST = "must"
    SHOULD = "should"


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the protocol's checklist; ``text`` says what was seen."""

    id: str
    level: Level
    is_met: bool
    text: str


@dataclass(frozen=True, slots=True)
class StateChange:
    """When something (``ice``, ``dtls``, ``video``, ``audio``) became what."""

    at_ms: float
    what: str
    state: str


@dataclass(frozen=True, slots=True)
class TrackReport:
    """One track's packets; ``profile_sent`` is H.264's profile-level-id inside the stream."""

    codec: str
    fmtp: str
    payload_type: int
    profile_sent: str
    packets: int
    lost: int
    recovered: int
    loss_percent: float
    jitter_ms: float
    bitrate_bits: int
    key_frames: int


@dataclass(frozen=True, slots=True)
class PictureReport:
    """What was seen. ``longest_freeze_kind`` is ``no-frame``, ``unchanged`` or empty."""

    width: int
    height: int
    pictures: int
    fps: float
    freezes: int
    longest_freeze_ms: int
    frozen_ms: int
    longest_freeze_kind: str
    mean_luma: float
    black: bool


@dataclass(frozen=True, slots=True)
class SoundReport:
    """What was heard; levels in decibels below full scale."""

    peak_dbfs: float
    rms_dbfs: float
    silent: bool
    sample_rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class ViewerReport:
    """One viewer. Times are milliseconds since the POST was sent; None: it never happened."""

    number: int
    http_status: int | None = None
    answer_ms: float | None = None
    ice_ms: float | None = None
    dtls_ms: float | None = None
    first_video_rtp_ms: float | None = None
    first_audio_rtp_ms: float | None = None
    first_picture_ms: float | None = None
    first_sound_ms: float | None = None
    local_address: str = ""
    remote_address: str = ""
    srtp_profile: str = ""
    is_decoded: bool = True
    video: TrackReport | None = None
    audio: TrackReport | None = None
    picture: PictureReport | None = None
    sound: SoundReport | None = None
    av_offset_ms: float | None = None
    watched_seconds: float = 0.0
    states: tuple[StateChange, ...] = ()
    delete_status: int | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Percentiles:
    """How one number is spread over the viewers that have it."""

    count: int
    p50: float
    p95: float
    worst: float


@dataclass(frozen=True, slots=True)
class Report:
    """The whole test. ``checks`` are notes, unless the test was strict."""

    url: str
    verdict: Verdict
    reasons: list[Reason]
    viewers: list[ViewerReport]
    checks: list[Check]
    notes: list[str]
    summary: dict[str, Percentiles]
    saved: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Give values that ``json.dumps`` takes."""
        return asdict(self)


def public_url(url: str) -> str:
    """Take credentials and the query, where tokens are put, out of an address."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "…" if parts.query else "", ""))
