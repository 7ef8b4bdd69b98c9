"""Policy: which addresses and options a process may use (F1 to F7; datarhei-core.md b.3).

At every level options can't smuggle in another input or output, an input stays with the
protocols of its scheme, and with a disk directory set, files are written only below it. The
level ``safe`` also asks for options, filters and protocols that we know (``grammar``).
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.errors import InvalidError
from daemon.restream import address, tee
from daemon.restream.config import ConfigIO, ProcessConfig
from daemon.restream.filtergraph import check_graph
from daemon.restream.grammar import Place, check_extensions, check_option

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
# Elsewhere silence is normal (udp, srt)
_TIMED = frozenset({"http", "https", "rtmp", "rtmps", "rtmpt", "rtmpts", "tcp", "tls"})
_TIMED_BY_DEMUXER = frozenset({"rtsp", "rtsps"})  # whose option has another name
_TIMEOUTS = frozenset({"rw_timeout", "timeout", "stimeout", "listen_timeout"})
# Other numbers are the daemon's own pipes
_PIPES = frozenset({"-", "pipe:", "pipe:1", "fd:"})
_SERVER = re.compile(r"\{(rtmp|srt)(?:[,^][^{}]*)?\}")
# Sources and targets of media, beside those that get a whitelist of protocols
_OTHER_SOURCES = frozenset({"mmsh", "mmst", "rist", "icecast"})
_TARGETS = frozenset({*WHITELISTS, "rist", "icecast"})
_SCRIPTS = (".avs", ".avsi", ".vpy")  # which FFmpeg may run
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
    ``private``: directories whose files are never read. ``read_dirs``: at the level safe, files
    are read below these only; the first is where relative paths begin. Empty: anywhere.
    ``networks``: where nobody goes; for names see ``host``.
    """

    input_allow: tuple[re.Pattern[str], ...] = ()
    input_block: tuple[re.Pattern[str], ...] = ()
    output_allow: tuple[re.Pattern[str], ...] = ()
    output_block: tuple[re.Pattern[str], ...] = ()
    disk_dir: Path | None = None
    is_safe: bool = False
    private: tuple[Path, ...] = ()
    read_dirs: tuple[Path, ...] = ()
    networks: tuple[address.Network, ...] = ()


def apply(config: ProcessConfig, policy: Policy | None = None) -> ProcessConfig:
    """Check a config whose placeholders and references are resolved; give the one to run.

    Inputs get their protocol whitelist and read timeout unless the user set them, files to
    write their full path. Raises InvalidError; its details name the places.
    """
    policy = policy or Policy()
    problems: list[str] = []
    options = config.options
    with _collected(problems, f"the options for '#{config.id}' are invalid"):
        options = _checked(options, policy)
    inputs = _apply_all("input", config.id, config.input, policy, problems)
    outputs = _apply_all("output", config.id, config.output, policy, problems)
    if problems:
        raise InvalidError("Invalid process config", details=problems)
    return replace(config, options=options, input=inputs, output=outputs)


def pairs(options: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Give each option's name, without dash and stream specifier, and its value, if it has one.

    Raises InvalidError for what isn't an option, or one that is never allowed.
    """
    for option, value in _walk(options):
        yield _name(option), value


def _name(option: str) -> str:
    return option[1:].partition(":")[0]


def _walk(options: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    rest = iter(options)
    for option in rest:
        address.check_text(option, is_address=False)
        if option in {"", "-", "--"} or not option.startswith("-"):
            raise InvalidError(f"{option!r} is no option, so FFmpeg would write to it")
        name = _name(option)
        if name in REFUSED:
            raise InvalidError(f"-{name} is not allowed here")
        if name in FLAGS or (name.startswith("no") and name[2:] in FLAGS):
            yield option, None
            continue
        value = next(rest, None)
        if value is None:
            raise InvalidError(f"{option} needs a value")
        address.check_text(value, is_address=False)
        yield option, value


def _checked(options: tuple[str, ...], policy: Policy) -> tuple[str, ...]:
    """Give the options to use; with files to write in full."""
    kept: list[str] = []
    place = _placer(policy)
    for option, value in _walk(options):
        kept.append(option)
        if policy.is_safe:
            value = check_option(_name(option), value, place)
        if value is not None:
            kept.append(value)
    return tuple(kept)


def _placer(policy: Policy) -> Place:
    def place(target: str) -> str:
        address.check_text(target)
        is_beside = _is_file(target) and "/" not in target  # of the output, wherever it is
        return target if is_beside else _place(target, policy)

    return place


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
            checked = replace(element, options=_checked(element.options, policy))
            names = dict(pairs(element.options))
            with _collected(problems, f"the address for {place} is invalid"):
                act = _apply_input if kind == "input" else _apply_output
                applied.append(act(checked, names, policy))
    return tuple(applied)


@contextmanager
def _collected(problems: list[str], place: str) -> Iterator[None]:
    try:
        yield
    except InvalidError as problem:
        problems.append(f"{place}: {problem.message}")


def _check_servers(text: str) -> None:
    """Refuse a placeholder of a server that isn't there, which would become a file's name."""
    if match := _SERVER.search(text):
        raise InvalidError(f"there is no {match[1].upper()} server for {match[0]}")


def _apply_input(element: ConfigIO, names: dict[str, str | None], policy: Policy) -> ConfigIO:
    address.check_text(element.address)
    _check_servers(element.address)
    if address.is_url(element.address):
        address.check_url(element.address)
        address.check_networks(element.address, policy.networks)
    _check_lists(element.address, policy.input_allow, policy.input_block)
    source = element.address
    if policy.is_safe:
        _check_source(source, names)
    if names.get("f") not in _NO_PROTOCOL and _is_file(source):
        source = _find(source, names, policy)
    return replace(element, address=source, options=(*element.options, *_added(element, names)))


def _find(source: str, names: dict[str, str | None], policy: Policy) -> str:
    """Check a file to read; give it as FFmpeg should get it."""
    address.check_private(source, policy.private)
    if not policy.is_safe or not policy.read_dirs:
        return source
    if "pattern_type" in names and "{" in source:  # {..,x} is a way out that no path shows
        raise InvalidError("a pattern of files must not have braces")
    if source.lower().endswith(_SCRIPTS):
        raise InvalidError("it is a program, not media")
    for name, value in names.items():
        check_extensions(name, value or "")
    found = address.find_file(source, policy.read_dirs)
    address.check_private(found, policy.private)
    return found


def _check_source(source: str, names: dict[str, str | None]) -> None:
    """Refuse what isn't a source of media that we know, at the level safe."""
    if names.get("f") == "lavfi":
        check_graph(source)
        return
    scheme = address.scheme(source)
    if names.get("f") in _NO_PROTOCOL:
        return
    if (scheme and scheme not in {*WHITELISTS, *_OTHER_SOURCES}) or source.startswith(
        "subfile,"
    ):
        raise InvalidError(f"the protocol {scheme or 'subfile'} is not allowed")
    wanted = names.get("protocol_whitelist")
    known = set(WHITELISTS.get(scheme or "file", "").split(","))
    if wanted is not None and not set(wanted.split(",")) <= known:
        raise InvalidError(f"-protocol_whitelist may only have {','.join(sorted(known))}")


def _added(element: ConfigIO, names: dict[str, str | None]) -> Iterator[str]:
    if names.get("f") in _NO_PROTOCOL:
        return
    scheme = address.scheme(element.address) or "file"
    if "protocol_whitelist" not in names and scheme in WHITELISTS:
        yield from ("-protocol_whitelist", WHITELISTS[scheme])
    is_listening = "listen" in names or "listen" in element.address.partition("?")[2]
    is_listening |= "listen" in (names.get("rtsp_flags") or "")
    if is_listening or names.keys() & _TIMEOUTS:
        return
    if scheme in _TIMED:
        yield from ("-rw_timeout", str(RW_TIMEOUT_MICROSECONDS))
    elif scheme in _TIMED_BY_DEMUXER:
        yield from ("-timeout", str(RW_TIMEOUT_MICROSECONDS))


def _apply_output(element: ConfigIO, _names: dict[str, str | None], policy: Policy) -> ConfigIO:
    address.check_text(element.address)
    _check_servers(element.address)
    if element.address.startswith("-") and element.address != "-":
        raise InvalidError("FFmpeg would take it for an option")
    if not address.is_tee(element.address):
        return replace(element, address=_place(element.address, policy))
    for part in address.tee_parts(element.address):
        address.check_text(part)
        _place_in_tee(part, policy)
    if policy.is_safe:
        tee.check_options(element.address, lambda target: _place_in_tee(target, policy))
    return element


def _place_in_tee(target: str, policy: Policy) -> str:
    """Check one target of a tee, which nobody can rewrite."""
    if policy.disk_dir and _is_file(target) and not address.is_absolute_file(target):
        raise InvalidError(f"{target} must be an absolute path inside of a tee")
    return _place(target, policy)


def _place(target: str, policy: Policy) -> str:
    """Check one target; give it as FFmpeg should get it."""
    _check_lists(target, policy.output_allow, policy.output_block)
    scheme = address.scheme(target)
    if target == "-" or scheme in {"pipe", "fd"}:
        if target not in _PIPES:
            raise InvalidError("only the standard output can be written to")
    elif address.is_url(target) and scheme != "file":
        address.check_url(target)
        address.check_networks(target, policy.networks)
        if policy.is_safe and scheme not in _TARGETS:
            raise InvalidError(f"the protocol {scheme} is not allowed")
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
