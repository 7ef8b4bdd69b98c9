"""Grammar: which options a process of the level ``safe`` may use, and with what (F1, F4, F7).

The names come from FFmpeg's own help (options.txt); the sets below say which of them read or
write files, load code or connect out by themselves. What isn't known is refused.
"""

import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files

from daemon.errors import InvalidError
from daemon.restream.filtergraph import check_graph

MAX_VALUE = 8192  # characters
MAX_WIDTH, MAX_HEIGHT = 7680, 4320
MIN_THREADS = 16  # allowed on any machine
# Of what a source may make FFmpeg keep or wait for (F3, F7): bytes, microseconds, packets
MAXIMA = {
    "probesize": 100e6,
    "formatprobesize": 100e6,
    "analyzeduration": 60e6,
    "rtbufsize": 1e9,
    "thread_queue_size": 65_536,
    "max_muxing_queue_size": 65_536,
    "max_probe_packets": 65_536,
}
_NUMBER = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)([kKMG]?)(i?)")
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3}  # powers of 1000, or of 1024 with an i

# Files and programs behind FFmpeg's own back, or words to us
_REFUSED = """
    aribb24-base-path assetmaps attach cache_dir dump_attachment dumpgraph filter_complex_script
    filter_script fpre graph_file gateway header hls_enc_key_url hls_key_info_file
    ifo_palette load_plugins omx_libname omx_libprefix pass passlogfile pre apre spre vpre
    print_graphs print_graphs_file private_key protocol_blacklist report rtmp_swfverify sdp_file
    sinks sources stats_enc_post stats_enc_pre stats_mux_pre stdin sub_name vstats vstats_file
    x265-stats ca_file cafile cert cert_file key_file key_pem cert_pem
    enable_drefs use_absolute_path safe
"""
REFUSED = frozenset(_REFUSED.split())
# Their value is a file or URL that is written, so it is checked as an output is
PLACES = frozenset(
    {"hls_segment_filename", "http_proxy", "segment_list", "segment_header_filename"}
)
# Their value is a name beside the output
_NAMES = """
    hls_fmp4_init_filename hls_master_name hls_subtitle_path init_seg_name master_pl_name
    media_seg_name single_file_name
"""
NAMES = frozenset(_NAMES.split())
GRAPHS = frozenset({"vf", "af", "filter", "filter_complex", "lavfi"})
# Formats that are programs, or lists of other files
SCRIPTS = frozenset({"data", "concat", "ffmetadata", "avisynth", "vapoursynth", "imf"})
_EXTENSIONS = frozenset({"allowed_extensions", "allowed_segment_extensions", "extension_picky"})
# Options of one thing inside the value of another: key=value, divided by colons
_NESTED = """
    fifo_options format_options format_opts hls_segment_options hls_ts_options hls_vtt_options
    http_opts mpegts_muxer_options protocol_opts rtp_muxer_options seg_format_options
    segment_format_options
"""
NESTED = frozenset(_NESTED.split())
ENCODERS = frozenset({"x264opts"})  # and all "...-params": words of an encoder's library
# What those libraries call files; "stats" is the first pass's notes
_FILES_OF_ENCODERS = re.compile(
    r"file|stat|csv|dump|recon|analysis|input|output|lambda|clbin|scaling-list", re.IGNORECASE
)
_WORD = re.compile(r"[\w+\-.,:%()*/=|^<>&~!?@#$\[\]{};'\" \\]*")
_PROTOCOL = re.compile(r"^\s*[A-Za-z][A-Za-z0-9+.\-]*://|^\s*/(?!dev/dri/)")
_SIZE = re.compile(r"(\d+)[x:](\d+)")

# FFmpeg's help on Linux doesn't have these: AVFoundation and VideoToolbox
_MACOS = """
    allow_sw audio_device_index capture_cursor capture_mouse_clicks capture_raw_data
    drop_late_frames realtime require_sw video_device_index
"""

Place = Callable[[str], str]


@cache
def known() -> Mapping[str, str]:
    """Give the kind of each option: ``words`` or ``texts``."""
    kinds = dict.fromkeys(_MACOS.split(), "words")
    kind = ""
    for line in files("daemon.restream").joinpath("options.txt").read_text().splitlines():
        if line.startswith("["):
            kind = line.strip("[]")
        elif not line.startswith("#"):
            kinds |= dict.fromkeys(line.split(), kind)
    return kinds


def check_option(name: str, value: str | None, place: Place) -> str | None:
    """Check one option without its dash and stream specifier; give the value to use.

    ``place`` checks a file or URL that is written, and gives it as FFmpeg should get it.
    Raises InvalidError with the reason.
    """
    kind = _kind(name)
    if kind is None:
        raise InvalidError(f"-{name} is no option of FFmpeg that we know")
    if name in REFUSED:
        raise InvalidError(f"-{name} is not allowed at the level safe")
    if value is None:
        return None
    if len(value) > MAX_VALUE:
        raise InvalidError(f"the value of -{name} is longer than {MAX_VALUE} characters")
    if name in PLACES:
        return place(value)
    _check_value(name, kind, value)
    return value


def _check_value(name: str, kind: str, value: str) -> None:
    if name in NAMES:
        _check_name(name, value)
    elif name in GRAPHS:
        check_graph(value)
    elif name in NESTED:
        _check_nested(name, value)
    elif name in ENCODERS or name.endswith("-params"):
        _check_encoder(name, value)
    elif name == "f":
        _check_format(value)
    elif name in MAXIMA:
        _check_maximum(name, value)
    elif kind == "words":
        _check_word(name, value)


def _kind(name: str) -> str | None:
    table = known()
    for form in (
        name,
        name.removeprefix("no"),
        name[1:] if name[:1] in {"v", "a", "s"} else "",
    ):
        if form in table:
            return table[form]
    return None


def _check_maximum(name: str, value: str) -> None:
    number = _NUMBER.fullmatch(value)
    limit = MAXIMA[name]
    if number is None:
        raise InvalidError(f"the value of -{name} is no number")
    factor = (1024 if number[3] else 1000) ** _POWERS[number[2]]
    if float(number[1]) * factor > limit:
        raise InvalidError(f"-{name} is more than {limit:.0f}")


def _check_word(name: str, value: str) -> None:
    if _PROTOCOL.search(value) or not _WORD.fullmatch(value):
        raise InvalidError(f"the value of -{name} is no number, word or expression")
    if name.endswith("threads") and value.isdecimal():
        limit = max(MIN_THREADS, os.cpu_count() or 1)
        if int(value) > limit:
            raise InvalidError(f"-{name} is more than {limit}")
    if name in {"s", "video_size"} and (size := _SIZE.fullmatch(value)):
        width, height = int(size[1]), int(size[2])
        if max(width, height) > MAX_WIDTH or min(width, height) > MAX_HEIGHT:
            raise InvalidError(f"-{name} is larger than {MAX_WIDTH}x{MAX_HEIGHT}")


def _check_name(name: str, value: str) -> None:
    parts = value.split("/")
    if value.startswith("/") or ".." in parts or ":" in value:
        raise InvalidError(f"the value of -{name} is no name beside the output")


def _check_nested(name: str, value: str) -> None:
    for pair in filter(None, re.split(r"(?<!\\):", value)):
        key, _, inner = pair.partition("=")
        if key.strip() in PLACES | NESTED:
            raise InvalidError(f"-{name}: -{key} is not allowed inside of another")
        try:
            check_option(key.strip(), inner, _no_place)
        except InvalidError as problem:
            raise InvalidError(f"-{name}: {problem.message}") from None


def _check_encoder(name: str, value: str) -> None:
    for pair in re.split(r"[:,]", value):
        if _FILES_OF_ENCODERS.search(pair.partition("=")[0]):
            raise InvalidError(f"-{name} names a file ({pair.partition('=')[0].strip()})")


def check_extensions(name: str, value: str) -> None:
    """Refuse to let a playlist on the disk name what isn't called like media."""
    if name in _EXTENSIONS and value.strip().upper() in {"ALL", "0"}:
        raise InvalidError(f"-{name} {value} is not allowed")


def _check_format(value: str) -> None:
    if value in SCRIPTS:
        raise InvalidError(f"-f {value} reads more than media, and is not allowed")
    _check_word("f", value)


def _no_place(_: str) -> str:
    raise AssertionError("places were refused before")
