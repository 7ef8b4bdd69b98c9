"""Policy: which addresses and options a process may use (F3, F5; datarhei-core.md b.3).

The daemon runs with the rights of its user, so this is about surprises, not a sandbox: options
can't smuggle in another input or output, an input stays with the protocols of its scheme, and
with a disk directory set, files are written only below it.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.errors import InvalidError
from daemon.restream import address
from daemon.restream.config import ConfigIO, ProcessConfig

# The options of ``ffmpeg`` itself without an argument, from 5.1 to 9; all others, those of
# libraries too, take exactly one. A test holds this against the real programs. autorotate and
# autoscale take one in 5.1 and none in 9, so only their forms with "-no" are any use.
_FLAGS = """
    ? L accurate_seek an auto_conversion_filters autorotate autoscale benchmark benchmark_all
    bitexact bsfs buildconf codecs colors copy_unknown copyinkf copyts debug_ts decoders
    deinterlace demuxers devices display_hflip display_vflip dispositions dn dump encoders
    filters find_stream_info fix_sub_duration fix_sub_duration_heartbeat force_fps formats h
    help -help hex hide_banner hwaccels ignore_unknown intra layouts license muxers n pix_fmts
    print_graphs protocols psnr qphist re recast_media report sample_fmts shortest sinks sn
    sources start_at_zero stats stdin version vn vstats xerror y
"""
FLAGS = frozenset(_FLAGS.split())
# ``-i`` would be an input past all checks. ``-progress`` would take away the daemon's own, and
# can post to any URL. ``-stats`` is harmless: its lines are recognised.
REFUSED = frozenset({"i", "progress"})

RW_TIMEOUT_MICROSECONDS = 30_000_000

_WEB = "http,https,httpproxy,tls,tcp,crypto,data"
# What FFmpeg itself allows below each, as far as it is needed, and the scheme itself
WHITELISTS = {
    "file": "file,crypto,data",
    "http": _WEB,
    "https": _WEB,
    "hls": f"hls,{_WEB}",
    "rtmp": "rtmp,tcp",
    "rtmpe": "rtmpe,rtmp,ffrtmpcrypt,tcp",
    "rtmps": "rtmps,rtmp,tls,tcp",
    "rtmpt": "rtmpt,rtmp,ffrtmphttp,http,tcp",
    "rtmpts": "rtmpts,rtmp,ffrtmphttp,https,http,tls,tcp",
    "rtp": "rtp,srtp,udp,crypto",
    "rtsp": "rtsp,rtp,srtp,udp,tcp,tls,http,https,httpproxy,crypto",
    "rtsps": "rtsps,rtsp,rtp,srtp,udp,tcp,tls,crypto",
    "srt": "srt",
    "srtp": "srtp,rtp,udp,crypto",
    "tcp": "tcp",
    "tls": "tls,tcp",
    "udp": "udp",
    "udplite": "udplite,udp",
}
# Elsewhere silence is normal (udp, srt), or the option unknown (rtsp), which ends FFmpeg
_TIMED = frozenset({"http", "https", "rtmp", "rtmps", "rtmpt", "rtmpts", "tcp", "tls"})
# Other numbers are the daemon's own pipes
_PIPES = frozenset({"-", "pipe:", "pipe:1", "fd:"})
# Formats that don't open their address by a protocol
_DEVICES = """
    alsa android_camera avfoundation bktr caca decklink dshow fbdev gdigrab iec61883 jack
    kmsgrab lavfi libcdio libdc1394 openal oss pulse sndio v4l2 video4linux2 x11grab
"""
_NO_PROTOCOL = frozenset(_DEVICES.split())


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator configured; patterns are regular expressions, unanchored.

    ``disk_dir``: files are written below it only. None: anywhere the daemon may.
    """

    input_allow: tuple[re.Pattern[str], ...] = ()
    input_block: tuple[re.Pattern[str], ...] = ()
    output_allow: tuple[re.Pattern[str], ...] = ()
    output_block: tuple[re.Pattern[str], ...] = ()
    disk_dir: Path | None = None


def apply(config: ProcessConfig, policy: Policy | None = None) -> ProcessConfig:
    """Check a config whose placeholders and references are resolved; give the one to run.

    Inputs get their protocol whitelist and read timeout unless the user set them, files to
    write their full path. Raises InvalidError; its details name the places.
    """
    policy = policy or Policy()
    problems: list[str] = []
    with _collected(problems, f"the options for '#{config.id}' are invalid"):
        list(pairs(config.options))
    inputs = _apply_all("input", config.id, config.input, policy, problems)
    outputs = _apply_all("output", config.id, config.output, policy, problems)
    if problems:
        raise InvalidError("Invalid process config", details=problems)
    return replace(config, input=inputs, output=outputs)


def pairs(options: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Give each option's name, without dash and stream specifier, with its value.

    Raises InvalidError for what FFmpeg would take for an output, for a value that is missing
    (FFmpeg would take the next option or address for it), and for REFUSED options. Values may
    have line breaks, as those of ``-headers`` do.
    """
    rest = iter(options)
    for option in rest:
        address.check_text(option, is_address=False)
        if option in {"", "-", "--"} or not option.startswith("-"):
            raise InvalidError(f"{option!r} is no option, so FFmpeg would write to it")
        name = option[1:].partition(":")[0]
        if name in REFUSED:
            raise InvalidError(f"-{name} is not allowed here")
        if name in FLAGS or (name.startswith("no") and name[2:] in FLAGS):
            yield name, None
            continue
        value = next(rest, None)
        if value is None:
            raise InvalidError(f"{option} needs a value")
        address.check_text(value, is_address=False)
        yield name, value


def _apply_all(
    kind: str,
    process_id: str,
    elements: Iterable[ConfigIO],
    policy: Policy,
    problems: list[str],
) -> tuple[ConfigIO, ...]:
    applied = []
    for element in elements:
        place = f"{kind} '#{process_id}:{element.id}'"
        with _collected(problems, f"the options for {place} are invalid"):
            names = dict(pairs(element.options))
            with _collected(problems, f"the address for {place} is invalid"):
                act = _apply_input if kind == "input" else _apply_output
                applied.append(act(element, names, policy))
    return tuple(applied)


@contextmanager
def _collected(problems: list[str], place: str) -> Iterator[None]:
    try:
        yield
    except InvalidError as problem:
        problems.append(f"{place}: {problem.message}")


def _apply_input(element: ConfigIO, names: dict[str, str | None], policy: Policy) -> ConfigIO:
    address.check_text(element.address)
    if address.is_url(element.address):
        address.check_url(element.address)
    _check_lists(element.address, policy.input_allow, policy.input_block)
    return replace(element, options=(*element.options, *_added(element, names)))


def _added(element: ConfigIO, names: dict[str, str | None]) -> Iterator[str]:
    if names.get("f") in _NO_PROTOCOL:
        return
    scheme = address.scheme(element.address) or "file"
    if "protocol_whitelist" not in names and scheme in WHITELISTS:
        yield from ("-protocol_whitelist", WHITELISTS[scheme])
    is_listening = "listen" in names or "listen" in element.address.partition("?")[2]
    if scheme in _TIMED and not is_listening and not names.keys() & {"rw_timeout", "timeout"}:
        yield from ("-rw_timeout", str(RW_TIMEOUT_MICROSECONDS))


def _apply_output(element: ConfigIO, _names: dict[str, str | None], policy: Policy) -> ConfigIO:
    address.check_text(element.address)
    if element.address.startswith("-") and element.address != "-":
        raise InvalidError("FFmpeg would take it for an option")
    if not address.is_tee(element.address):
        return replace(element, address=_place(element.address, policy))
    for part in address.tee_parts(element.address):
        address.check_text(part)
        if policy.disk_dir and _is_file(part) and not address.is_absolute_file(part):
            raise InvalidError(f"{part} must be an absolute path inside of a tee")
        _place(part, policy)
    return element


def _place(target: str, policy: Policy) -> str:
    """Check one target; give it as FFmpeg should get it."""
    _check_lists(target, policy.output_allow, policy.output_block)
    scheme = address.scheme(target)
    if target == "-" or scheme in {"pipe", "fd"}:
        if target not in _PIPES:
            raise InvalidError("only the standard output can be written to")
    elif address.is_url(target) and scheme != "file":
        address.check_url(target)
    elif policy.disk_dir is not None:
        if not _is_file(target):
            raise InvalidError(f"{target} is not inside of {policy.disk_dir}; a URL needs ://")
        return address.place_file(target, policy.disk_dir)
    return target


def _is_file(target: str) -> bool:
    return target != "-" and address.scheme(target) in {"", "file"}


def _check_lists(
    text: str, allow: tuple[re.Pattern[str], ...], block: tuple[re.Pattern[str], ...]
) -> None:
    """Block comes first; an empty allow list allows everything."""
    forms = {text, address.normalise(text)}
    if any(pattern.search(form) for pattern in block for form in forms):
        raise InvalidError("it is blocked by the configuration")
    if allow and not any(pattern.search(address.normalise(text)) for pattern in allow):
        raise InvalidError("it is not allowed by the configuration")
