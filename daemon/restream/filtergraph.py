"""Filter graphs: taken apart as FFmpeg does it, and held against a list of filters (F4).

Filters that read or write files, load code, open ports or catch the screen aren't in it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from daemon.errors import InvalidError

MAX_FILTERS = 200

_VIDEO = """
    alphaextract alphamerge atadenoise avgblur bbox bilateral blackdetect blackframe blend
    boxblur bwdif cas chromahold chromakey chromanr chromashift colorbalance
    colorchannelmixer colorcontrast colorcorrect colorhold colorize colorkey colorlevels
    colormatrix colorspace colortemperature convolution copy crop cropdetect curves
    datascope dblur deband deblock decimate deflate deflicker dejudder delogo derain deshake
    despill detelecine dilation displace doubleweave drawbox drawgrid drawtext edgedetect
    elbg eq erosion exposure extractplanes fade feedback fftdnoiz fftfilt field fieldmatch
    fieldorder fillborders floodfill format fps framepack framerate framestep freezedetect
    freezeframes fspp gblur geq gradfun graphmonitor grayworld greyedge hflip histeq
    histogram hqdn3d hqx hstack hsvhold hsvkey hue huesaturation hwdownload hwmap hwupload
    hwupload_cuda hysteresis identity idet il inflate interlace interleave kerndeint lagfun
    latency lenscorrection limitdiff limiter loop lumakey lut lutrgb lutyuv maskedclamp
    maskedmax maskedmerge maskedmin maskfun median mergeplanes mestimate midequalizer
    minterpolate mix monochrome mpdecimate negate nlmeans noformat noise normalize null
    oscilloscope overlay overlay_cuda overlay_qsv overlay_vaapi owdenoise pad palettegen
    paletteuse perspective phase photosensitivity pixdesctest pixelize pixscope pp pp7
    premultiply prewitt pseudocolor pullup qp random readeia608 readvitc realtime remap
    removegrain repeatfields reverse rgbashift roberts rotate sab scale scale2ref scale_cuda
    scale_npp scale_qsv scale_vaapi scdet scharr scroll segment select selectivecolor
    separatefields setdar setfield setparams setpts setrange setsar settb shear showinfo
    showpalette shuffleframes shufflepixels shuffleplanes sidedata signalstats siti
    smartblur sobel split spp stereo3d super2xsai swaprect swapuv tblend telecine thistogram
    threshold thumbnail tile tinterlace tlut2 tmedian tmidequalizer tmix tonemap
    tonemap_vaapi tpad transpose transpose_vaapi trim unpremultiply unsharp untile uspp v360
    vaguedenoiser varblur vectorscope vflip vfrdet vibrance vignette vstack w3fdif waveform
    weave xbr xfade addroi blockdetect blurdetect colormap drawbox_vaapi entropy estdif fifo
    guided haldclut kirsch morpho multiply pad_cuda pad_vaapi thumbnail_cuda transpose_cuda
    xmedian xstack yadif yadif_cuda yaepblur zoompan zscale deinterlace_vaapi
    deinterlace_qsv bwdif_cuda vpp_qsv procamp_vaapi denoise_vaapi sharpness_vaapi
"""
_AUDIO = """
    acompressor acontrast acopy acrossfade acrossover acrusher acue adeclick adeclip
    adecorrelate adelay adenorm aderivative adrc adynamicequalizer adynamicsmooth aecho
    aemphasis aeval aexciter afade afftdn afftfilt aformat afreqshift afwtdn agate
    agraphmonitor aiir aintegral ainterleave alatency alimiter allpass aloop amerge amix
    amultiply anequalizer anlmdn anlms anull apad aperms aphaser aphaseshift apsyclip
    apulsator arealtime aresample areverse asdr asegment aselect asetnsamples asetpts
    asetrate asettb ashowinfo asidedata asoftclip aspectralstats asplit astats asubboost
    asubcut asupercut asuperpass asuperstop atempo atilt atrim axcorrelate bandpass
    bandreject bass biquad channelmap channelsplit chorus compand compensationdelay
    crossfeed crystalizer dcshift deesser dialoguenhance drmeter dynaudnorm earwax ebur128
    equalizer extrastereo firequalizer flanger haas hdcd headphone highpass highshelf join
    loudnorm lowpass lowshelf mcompand pan replaygain rubberband sidechaincompress
    sidechaingate silencedetect silenceremove speechnorm stereotools stereowiden
    superequalizer surround tiltshelf treble tremolo vibrato virtualbass volume volumedetect
"""
_PICTURES_OF_SOUND = """
    abitscope afifo adrawgraph ahistogram aphasemeter avectorscope concat drawgraph showcqt
    showfreqs showspatial showspectrum showspectrumpic showvolume showwaves showwavespic
"""
_GENERATORS = """
    aevalsrc allrgb allyuv anoisesrc anullsrc anullsink color color_vaapi colorchart
    colorspectrum gradients haldclutsrc hilbert mandelbrot mptestsrc nullsink nullsrc
    pal100bars pal75bars perlin rgbtestsrc sierpinski sinc sine smptebars smptehdbars
    testsrc testsrc2 yuvtestsrc zoneplate
"""
ALLOWED = frozenset(f"{_VIDEO} {_AUDIO} {_PICTURES_OF_SOUND} {_GENERATORS}".split())
# Options of allowed filters that name files; beyond so many values without a name they could
# be meant without being named
FILES = frozenset(
    {"textfile", "psfile", "plot", "dumpfile", "stats_file", "axisfile", "file", "filename"}
)
MAX_UNNAMED = {"drawtext": 0, "curves": 2, "deshake": 10, "firequalizer": 2, "loudnorm": 5}

_NAME = re.compile(r"\s*([A-Za-z0-9_]+)(?:@[A-Za-z0-9_]+)?\s*")
_LABELS = re.compile(r"(?:\s*\[[^\[\]]*\]\s*)*")
_SWS = re.compile(r"\s*sws_flags=[\w+\-|]*\s*;")


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter; ``options`` are pairs of key ("" without one) and value."""

    name: str
    options: tuple[tuple[str, str], ...]


def check_graph(text: str) -> None:
    """Raise InvalidError, which names the filter, for what isn't allowed."""
    for number, found in enumerate(parse_graph(text)):
        if number >= MAX_FILTERS:
            raise InvalidError(f"a filter graph has at most {MAX_FILTERS} filters")
        if found.name not in ALLOWED:
            raise InvalidError(f"the filter {found.name} is not allowed")
        for key, _ in found.options:
            if key in FILES or key.startswith("/"):
                raise InvalidError(f"the filter {found.name} must not name a file ({key})")
        unnamed = sum(not key for key, _ in found.options)
        if unnamed > MAX_UNNAMED.get(found.name, unnamed):
            raise InvalidError(f"the options of the filter {found.name} must be named")


def parse_graph(text: str) -> Iterator[Filter]:
    """Take a graph apart. Raises InvalidError for what FFmpeg couldn't read either."""
    match = _SWS.match(text)
    place = match.end() if match else 0
    while place < len(text):
        place = _end(_LABELS, text, place)
        name = _NAME.match(text, place)
        if name is None:
            raise InvalidError(
                f"the filter graph can't be read at {text[place : place + 20]!r}"
            )
        place, arguments = name.end(), ""
        if text[place : place + 1] == "=":
            arguments, place = take_token(text, place + 1, "[],;")
        yield Filter(name[1], tuple(_options(arguments)))
        place = _end(_LABELS, text, place)
        if place < len(text):
            if text[place] not in ",;":
                raise InvalidError(f"the filter graph can't be read at {text[place:][:20]!r}")
            place += 1


def _end(pattern: re.Pattern[str], text: str, place: int) -> int:
    match = pattern.match(text, place)
    return match.end() if match else place


def _options(arguments: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(arguments):
        value, place = take_token(arguments, place, ":")
        key, equals, rest = value.partition("=")
        is_key = bool(equals) and re.fullmatch(r"\s*/?[A-Za-z0-9_]+\s*", key) is not None
        yield (key.strip(), rest) if is_key else ("", value)
        place += 1


def take_token(text: str, place: int, ends: str) -> tuple[str, int]:
    """Read up to one of ``ends``, with quotes and backslashes taken off (av_get_token)."""
    kept: list[str] = []
    while place < len(text) and text[place] not in ends:
        if text[place] == "\\" and place + 1 < len(text):
            kept.append(text[place + 1])
            place += 2
        elif text[place] == "'":
            close = text.find("'", place + 1)
            close = len(text) if close < 0 else close
            kept.append(text[place + 1 : close])
            place = close + 1
        else:
            kept.append(text[place])
            place += 1
    return "".join(kept).strip(), place
