"""Playlists with sessions: which addresses get one, and which stay as they are."""

from daemon.http.playlist import is_id, is_master, made_up_master, with_session, without_grants
from daemon.http.schema import short_id

ID = "d74yDhEfbtSYnT4zTQduBK"
MEDIA = b"""#EXTM3U
#EXT-X-TARGETDURATION:2
#EXT-X-MAP:URI="init.mp4",BYTERANGE="1@0"
#EXTINF:2.000000,
a%20b_1.ts
#EXTINF:2.000000,
sub/2.ts?x=1
#EXTINF:2.000000,
https://cdn.example/3.ts
"""


def test_addresses_of_this_server_get_the_session_others_do_not() -> None:
    assert with_session(MEDIA, ID).decode().splitlines() == [
        "#EXTM3U",
        "#EXT-X-TARGETDURATION:2",
        f'#EXT-X-MAP:URI="init.mp4?session={ID}",BYTERANGE="1@0"',
        "#EXTINF:2.000000,",
        f"a%20b_1.ts?session={ID}",
        "#EXTINF:2.000000,",
        f"sub/2.ts?x=1&session={ID}",
        "#EXTINF:2.000000,",
        "https://cdn.example/3.ts",
    ]


def test_the_made_up_master_keeps_the_query_but_for_an_old_session() -> None:
    query = [("a", "1&2"), ("session", "old")]
    text = made_up_master("/memfs/dir/a b.m3u8", query, ID).decode()
    assert text.splitlines()[-1] == f"a%20b.m3u8?a=1%262&session={ID}"
    assert is_master(text.encode())
    assert not is_master(MEDIA)


def test_what_ffmpeg_alone_may_know_is_taken_out() -> None:
    secret = "uPKg6wnMucDY7e6r70_rX2R1yqgfJzu7"
    data = f"#EXTM3U\nhttp://127.0.0.1:8080/memfs/~{secret}/a.ts\n\xff".encode("latin-1")
    assert without_grants(data) == b"#EXTM3U\na.ts\n\xff"
    assert secret not in with_session(data, ID).decode()


def test_an_id_is_one_that_we_could_have_made() -> None:
    assert is_id(short_id())
    for text in ("", ID[:-1], ID + "2", ID[:-1] + "0", ID[:-1] + "/"):
        assert not is_id(text)
