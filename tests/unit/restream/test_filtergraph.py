"""Filter graphs: read as FFmpeg reads them, and held against the list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import InvalidError
from daemon.restream.filtergraph import Filter, check_graph, parse_graph


def parsed(text: str) -> list[Filter]:
    return list(parse_graph(text))


def test_filters_labels_options_and_ids_are_told_apart() -> None:
    graph = "[0:v][1:v]overlay@logo=10:y=W-w/2 [out]; [0:a] volume = 0.5,aresample"
    assert parsed(graph) == [
        Filter("overlay", (("", "10"), ("y", "W-w/2"))),
        Filter("volume", (("", "0.5"),)),
        Filter("aresample", ()),
    ]


def test_quotes_and_backslashes_hide_what_divides() -> None:
    [first, second] = parsed(r"drawtext=text='a, b; [c]':x=1\,2,null")
    assert first.options == (("text", "a, b; [c]"), ("x", "1,2"))
    assert second.name == "null"
    [one] = parsed(r"drawtext=text=a\\:b:textfile=x")
    assert one.options == (("text", "a:b"), ("textfile", "x"))


@pytest.mark.parametrize(
    "graph",
    [
        "scale=1280:-2,fps=25,format=yuv420p",
        "[0:v]split=2[a][b];[a]scale=640:360[c];[b]null[d]",
        "sws_flags=bicubic;scale=iw/2:ih/2",
        "drawtext=text='%{localtime}':x=10:y=10:fontsize=24",
        "loudnorm=I=-16:TP=-1.5:LRA=11",
        "yadif=0:-1:0,hqdn3d",
        "select='gt(scene,0.4)',setpts=N/FRAME_RATE/TB",
        "format=nv12,hwupload,scale_vaapi=w=1280:h=720",
        "pan=stereo|c0=FL|c1=FR,aresample=async=1:first_pts=0",
        "testsrc2=size=640x360:rate=25",
        "[0:a]showwaves=s=640x120[w]",
        "",
    ],
)
def test_what_people_use_is_allowed(graph: str) -> None:
    check_graph(graph)


@pytest.mark.parametrize(
    "graph",
    [
        "movie=/etc/passwd",
        "amovie=/etc/passwd[a]",
        "null,movie=x",
        "null;movie=x",
        "[in]null[o];[o]ladspa=file=/tmp/x.so",
        "lv2=p=x",
        "frei0r=filter_name=x",
        "drawtext=textfile=/etc/passwd",
        "drawtext=text=x:textfile=/etc/passwd",
        "drawtext=/etc/font:x:/etc/passwd",
        "drawtext=/text=/etc/passwd",
        r"drawtext=text=a\\:b:textfile=x",
        r"drawtext=te\xtfile=/etc/passwd",
        "drawtext=text='a':textfile='/etc/passwd'",
        "subtitles=/etc/passwd",
        "ass=x.ass",
        "lut3d=/x.cube",
        "removelogo=/x.png",
        "zmq",
        "azmq=bind_address=tcp\\://*\\:5555",
        "sendcmd=f=/etc/passwd",
        "metadata=print:file=/tmp/x",
        "vidstabdetect=result=/tmp/x",
        "curves=psfile=/etc/passwd",
        "curves=a:b:c:d:e:/etc/passwd",
        "firequalizer=dumpfile=/tmp/x",
        "libvmaf=log_path=/tmp/x",
        "MOVIE=x",
        "null [a] movie=x",
        "null\\,movie=x",
        "'movie'=x",
        "=x",
        "null,,null",
        ";null",
        "null" + ",null" * 200,
    ],
)
def test_what_reads_writes_or_cannot_be_read_is_refused(graph: str) -> None:
    with pytest.raises(InvalidError):
        check_graph(graph)


@given(st.text(alphabet="abnul=:,;[]'\\ @/", max_size=40))
def test_any_text_ends_in_filters_or_in_a_refusal(text: str) -> None:
    try:
        check_graph(text)
    except InvalidError:
        return
    assert all(found.name for found in parsed(text))
