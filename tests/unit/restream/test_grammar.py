"""The level safe: options, protocols and files of processes that operators may make."""

import re
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path

import pytest

from daemon.errors import InvalidError
from daemon.restream import tee
from daemon.restream.config import ConfigIO, ProcessConfig, ProcessId
from daemon.restream.filtergraph import ALLOWED
from daemon.restream.grammar import ENCODERS, GRAPHS, NAMES, NESTED, PLACES, REFUSED, known
from daemon.restream.policy import FLAGS, Policy, apply

DISK = Path("/srv/dragonctl-test/disk")
SAFE = Policy(
    is_safe=True,
    disk_dir=DISK,
    private=(Path("/srv/dragonctl-test/db"), Path("/proc")),
    read_dirs=(DISK, Path("/srv/dragonctl-test/films")),
    networks=(ip_network("169.254.0.0/16"), ip_network("fe80::/10")),
)
MEMORY = "http://127.0.0.1:8080/memfs/~write"


def process(
    source: str = "rtsp://camera/1",
    target: str = "-",
    *,
    options: Sequence[str] = (),
    input_options: Sequence[str] = (),
    output_options: Sequence[str] = (),
) -> ProcessConfig:
    return ProcessConfig(
        id=ProcessId("cam"),
        options=tuple(options),
        input=(ConfigIO("in", source, tuple(input_options)),),
        output=(ConfigIO("out", target, tuple(output_options)),),
    )


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def refusal(config: ProcessConfig) -> str:
    with pytest.raises(InvalidError) as caught:
        apply(config, SAFE)
    return caught.value.details[0]


@pytest.mark.parametrize(
    "options",
    [
        "-err_detect ignore_err -loglevel level+info -hide_banner -y",
        "-map 0:0 -codec:v copy -map 0:1 -codec:a aac -b:a 64k -bsf:a aac_adtstoasc",
        "-c:v libx264 -preset:v ultrafast -b:v 4096k -maxrate:v 4096k -r 25 -bufsize:v 1M",
        "-sc_threshold:v 0 -pix_fmt:v yuv420p -g:v 50 -fps_mode auto -tune:v film",
        "-x264-params keyint=50:scenecut=0 -keyint_min 50",
        "-profile:v auto -level:v 4.1 -tag:v hvc1",
        "-force_key_frames expr:gte(t,n_forced*2) -strict experimental -vsync passthrough",
        "-vf scale=1280:-2,fps=25 -af aresample=async=1 -shortest -ss 00:00:10.5 -t 60",
        "-filter_complex [0:v]hflip[v] -map [v] -an -sn -dn",
        "-f hls -start_number 0 -hls_time 2 -hls_list_size 6 -hls_flags append_list",
        "-hls_delete_threshold 4 -hls_segment_type mpegts -master_pl_name cam.m3u8 -method PUT",
        "-vframes 1 -f image2 -update 1 -f mpegts -flush_packets 1 -muxdelay 0 -muxpreload 0",
        "-metadata title=http://example.org/a -metadata:s:v:0 language=eng -threads 4",
        "-init_hw_device vaapi=foo:/dev/dri/renderD128 -hwaccel vaapi",
        "-vaapi_device /dev/dri/renderD128",
        "-vb 1M -ab 64k -aspect 16:9 -r 30000/1001 -disposition:a:0 default",
        "-hls_fmp4_init_filename init.mp4 -hls_segment_filename seg_%d.ts",
        "-f segment -segment_time 60 -strftime 1 -segment_format_options movflags=+faststart",
    ],
)
def test_what_clients_and_people_use_is_allowed(options: str) -> None:
    config = process(output_options=words(options))
    assert apply(config, SAFE).output[0].options == config.output[0].options


@pytest.mark.parametrize(
    ("source", "options"),
    [
        (
            "rtsp://user:pw@10.0.0.1:554/x",
            "-fflags +genpts -rtsp_transport tcp -stimeout 5000000",
        ),
        ("rtmp://host/live/x", "-analyzeduration 3000000 -fflags nobuffer"),
        ("https://host/x.m3u8", "-reconnect 1 -reconnect_streamed 1 -user_agent x"),
        ("srt://:6000?mode=listener&latency=20000", "-thread_queue_size 512"),
        ("http://host/x.m3u8", "-http_proxy http://proxy:3128"),
        ("udp://0.0.0.0:5000", "-f mpegts"),
        ("testsrc2=size=640x360:rate=25", "-re -f lavfi"),
        ("anullsrc=r=44100:cl=stereo", "-f lavfi -thread_queue_size 512"),
        ("/dev/video0", "-f v4l2 -framerate 25 -video_size 1280x720 -input_format mjpeg"),
        ("hw:1,0", "-f alsa -ac 2"),
        ("0:1", "-f avfoundation -framerate 30 -capture_cursor 1 -capture_mouse_clicks 0"),
        (f"{MEMORY}/x.m3u8", "-re"),
        ("/srv/dragonctl-test/films/a.mp4", "-re -stream_loop -1 -probesize 50M"),
        ("rtsp://10.0.0.1/x", "-protocol_whitelist rtp,udp,tcp,rtsp"),
    ],
)
def test_inputs_that_people_use_are_allowed(source: str, options: str) -> None:
    apply(process(source, input_options=words(options)), SAFE)


@pytest.mark.parametrize(
    "options",
    [
        "-attach /etc/passwd",
        "-dump_attachment:t x",
        "-filter_script /x",
        "-filter_complex_script /x",
        "-/filter_complex /x",
        "-/vf /x",
        "-sdp_file /tmp/x",
        "-report",
        "-vstats",
        "-vstats_file /tmp/x",
        "-pass 1 -passlogfile /tmp/x",
        "-stats_enc_pre /tmp/x",
        "-print_graphs_file /tmp/x",
        "-fpre /etc/passwd",
        "-hls_key_info_file /etc/passwd",
        "-hls_segment_filename /etc/cron.d/x_%d",
        "-hls_segment_filename file:/etc/x",
        "-hls_segment_filename ftp://host/x",
        "-segment_list /etc/x",
        "-segment_list ../x",
        "-master_pl_name ../../x",
        "-hls_fmp4_init_filename /etc/x",
        "-hls_fmp4_init_filename http://host/x",
        "-hls_segment_options hls_key_info_file=/etc/passwd",
        "-format_options segment_list=/tmp/x",
        "-x264-params stats=/tmp/x",
        "-x264opts keyint=2:dump-yuv=/tmp/x",
        "-x265-params csv=/tmp/x",
        "-vf movie=/etc/passwd",
        "-filter:v drawtext=textfile=/etc/passwd",
        "-af ladspa=file=/tmp/x.so",
        "-lavfi amovie=x",
        "-http_proxy http://169.254.169.254",
        "-threads 4096",
        "-s 100000x100000",
        "-b:v http://host/x",
        "-g /etc/passwd",
        "-nosuchoption 1",
        "-nosuchflag",
        "-stdin",
        "-load_plugins x",
        "-f data",
    ],
)
def test_what_reaches_beyond_media_is_refused(options: str) -> None:
    text = refusal(process(output_options=words(options)))
    assert text.startswith("the options for output '#cam:out' are invalid: ")


def test_the_same_is_allowed_at_the_level_raw() -> None:
    options = words("-hls_key_info_file /x -vf subtitles=a.srt -x264-params stats=x -nosuch 1")
    config = process(output_options=options)
    assert apply(config, Policy(disk_dir=DISK)).output[0].options == options


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("concat:/etc/passwd", ""),
        ("subfile,,start,0,end,9,,:/etc/passwd", ""),
        ("data:text/plain,x", ""),
        ("crypto:/etc/passwd", ""),
        ("cache:/etc/passwd", ""),
        ("async:/etc/passwd", ""),
        ("gopher://host/x", ""),
        ("unix:/run/x", ""),
        ("ipfs://x", ""),
        ("pipe:0", ""),
        ("/etc/passwd", "-f s16le -ar 8000"),
        ("/dev/mem", "-f rawvideo"),
        ("../films-of-others/a.mp4", ""),
        ("/srv/dragonctl-test/films-of-others/a.mp4", ""),
        ("file:/srv/dragonctl-test/films/../../x.mp4", ""),
        ("/srv/dragonctl-test/films/{..,x}/a.png", "-f image2 -pattern_type glob"),
        ("script.vpy", ""),
        ("film.mp4", "-f vapoursynth"),
        ("film.mov", "-enable_drefs 1"),
        ("list.m3u8", "-allowed_extensions ALL"),
        ("list.ffconcat", "-safe 0"),
        ("rtsp://camera/1", "-probesize 200M"),
        ("rtsp://camera/1", "-analyzeduration 61000k"),
        ("rtsp://camera/1", "-thread_queue_size 1Mi"),
        ("rtsp://camera/1", "-probesize 5M*1000"),
        ("http://169.254.169.254./latest", ""),
        ("fd:", ""),
        ("crypto+http://host/x", ""),
        ("/etc/passwd", "-f data"),
        ("list.txt", "-f concat"),
        ("movie=/etc/passwd", "-f lavfi"),
        ("testsrc[x];[x]movie=y", "-f lavfi"),
        ("/srv/dragonctl-test/db/secrets.json", ""),
        ("file:/srv/dragonctl-test/x/../db/secrets.json", ""),
        ("/proc/self/environ", ""),
        ("rtsp://camera/1", "-protocol_whitelist file,rtsp"),
        ("http://169.254.169.254/latest", ""),
        ("http://[::ffff:169.254.169.254]/latest", ""),
        ("http://2852039166/latest", ""),
        ("http://0xa9fea9fe/latest", ""),
        ("http://169.254.43518/latest", ""),
        ("http://[fe80::1%25eth0]/x", ""),
    ],
)
def test_sources_that_are_no_media_are_refused(source: str, options: str) -> None:
    assert "input '#cam:in'" in refusal(process(source, input_options=words(options)))


def test_a_file_is_read_from_where_links_lead_and_only_in_allowed_places(
    tmp_path: Path,
) -> None:
    films, elsewhere = tmp_path / "films", tmp_path / "elsewhere"
    films.mkdir()
    elsewhere.mkdir()
    (films / "b.mp4").symlink_to(films / "a.mp4")
    (films / "out.mp4").symlink_to(elsewhere / "a.mp4")
    policy = Policy(is_safe=True, read_dirs=(films,))
    for source in ("b.mp4", f"file:{films}/b.mp4", f"{films}/../films/b.mp4"):
        assert apply(process(source), policy).input[0].address == str(films / "a.mp4")
    with pytest.raises(InvalidError) as caught:
        apply(process("out.mp4"), policy)
    assert caught.value.details == [
        (
            "the address for input '#cam:in' is invalid: "
            f"{elsewhere}/a.mp4 is in none of the directories of ffmpeg.access.input.dirs"
        )
    ]
    loose = Policy(read_dirs=(films,))
    assert apply(process("out.mp4"), loose).input[0].address == "out.mp4"


@pytest.mark.parametrize(
    "target",
    ["ftp://host/x", "sftp://host/x", "gopher://host/x", "http://169.254.1.1/x", "pipe:3"],
)
def test_targets_that_are_no_media_are_refused(target: str) -> None:
    assert "output '#cam:out'" in refusal(process(target=target))


def test_files_of_segments_are_placed_like_outputs() -> None:
    options = words("-hls_segment_filename sub/x_%d.ts")
    [_, value] = apply(process(output_options=options), SAFE).output[0].options
    assert value == f"{DISK}/sub/x_%d.ts"
    options = ("-hls_segment_filename", f"{MEMORY}/x_%d.ts")
    assert apply(process(output_options=options), SAFE).output[0].options == options


TEE = (
    r"[f=hls:start_number=0:hls_time=2:hls_segment_filename=http\\://127.0.0.1\\:8080/memfs/"
    r"~write/x_%04d.ts:master_pl_name=x.m3u8:method=PUT:select=\'v:0,a\']"
    + MEMORY
    + "/x.m3u8|[f=flv:onfail=ignore]rtmp://localhost/x"
)


def test_the_options_of_a_tee_are_options() -> None:
    apply(process(target=TEE, output_options=("-f", "tee", "-map", "0")), SAFE)
    found = dict(tee.options(TEE))
    assert found["hls_segment_filename"] == f"{MEMORY}/x_%04d.ts"
    assert found["f"] == "flv"


@pytest.mark.parametrize(
    "options",
    [
        "f=hls:hls_key_info_file=/etc/passwd",
        r"f=hls:hls_segment_filename=/etc/cron.d/x",
        r"f=hls:hls_segment_filename=x_%d.ts",
        "f=nosuch:nosuch=1",
        "nothing",
    ],
)
def test_bad_options_of_a_tee_are_refused(options: str) -> None:
    assert "output '#cam:out'" in refusal(
        process(target=f"[{options}]http://h/x|[f=flv]rtmp://h/y")
    )


def test_the_reviewed_sets_name_options_that_exist() -> None:
    names = set(known())
    for reviewed in (REFUSED, PLACES, NAMES, GRAPHS, NESTED, ENCODERS):
        assert reviewed <= names
    assert len(names) > 1400
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in ALLOWED)


def test_flags_are_known() -> None:
    missing = FLAGS - set(known()) - {"?", "h", "help", "-help"}
    assert missing <= {"deinterlace", "intra"}, "those are older than FFmpeg 5.1"
