"""Files over HTTP: /memfs, /api/v3/fs, the disk on /; HLS viewers become sessions."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from quart import Response

from daemon.http.mounts import Storage, WriteAuth
from daemon.session import Sessions
from daemon.storage.disk import DiskFilesystem
from daemon.storage.memory import MemoryFilesystem
from tests.conformance.openapi import check
from tests.integration.http.scripted import Api

HERE = ("127.0.0.1", 40000)
OTHERS = ("127.0.0.1", 40001)  # of another user of this machine
AWAY = ("203.0.113.7", 40000)
ID = "d74yDhEfbtSYnT4zTQduBK"
MEDIA = b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\ncam_1.ts\n"


def basic(name: str = "bob", password: str = "pw pw") -> dict[str, str]:
    code = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {code}"}


class Files(Api):
    def __init__(self, directory: Path, **others: Any) -> None:
        self.sessions = Sessions()
        storage = Storage(
            DiskFilesystem(directory),
            MemoryFilesystem(10_000),
            write_auth=WriteAuth(username="bob", password="pw pw"),
            is_ours=lambda client, server: client != OTHERS,
        )
        values: dict[str, Any] = {"storage": storage, "sessions": self.sessions}
        self.storage = storage
        super().__init__(**(values | others))

    async def put(self, path: str, data: bytes, **values: Any) -> Response:
        values = {"headers": basic(), "peer": AWAY} | values
        return await self.call("PUT", f"/memfs{path}", data=data, **values)

    async def get(self, target: str, **headers: str) -> Response:
        return await self.call("GET", target, headers=headers, peer=AWAY)


@pytest.fixture
def api(tmp_path: Path) -> Files:
    return Files(tmp_path)


async def body(response: Response) -> Any:
    return await response.get_data()


async def test_a_file_in_memory_from_its_first_byte_to_its_last(api: Files) -> None:
    created = await api.put("/a/b.txt", b"hello")
    assert created.status_code == 201
    assert (await api.put("/a/b.txt", b"hello again")).status_code == 204
    shown = await api.get("/memfs/a/b.txt")
    assert (shown.status_code, await body(shown)) == (200, b"hello again")
    assert shown.content_type == "text/plain; charset=utf-8"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    deleted = await api.call("DELETE", "/memfs/a/b.txt", headers=basic())
    assert (deleted.status_code, await body(deleted)) == (200, b"Deleted: /a/b.txt")
    gone = await api.get("/memfs/a/b.txt")
    assert gone.status_code == 404
    assert gone.content_type == "application/json"


async def test_post_writes_too(api: Files) -> None:
    answer = await api.call("POST", "/memfs/a", data=b"x", headers=basic())
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("wanted", "status", "part", "place"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=5-99", 206, b"56789", "bytes 5-9/10"),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("lines=0-1", 200, b"0123456789", None),
        ("bytes=x", 200, b"0123456789", None),
    ],
)
async def test_a_range_is_a_part(
    api: Files, wanted: str, status: int, part: bytes, place: str | None
) -> None:
    await api.put("/a", b"0123456789")
    answer = await api.get("/memfs/a", Range=wanted)
    assert (answer.status_code, await body(answer)) == (status, part)
    assert answer.headers.get("Content-Range") == place
    assert answer.content_length == len(part)


async def test_a_range_beyond_the_end_is_told_the_size(api: Files) -> None:
    await api.put("/a", b"0123456789")
    answer = await api.get("/memfs/a", Range="bytes=10-")
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == "bytes */10"


async def test_validators_save_the_bytes(api: Files) -> None:
    await api.put("/a", b"0123456789")
    first = await api.get("/memfs/a")
    etag, modified = first.headers["ETag"], first.headers["Last-Modified"]
    for headers in ({"If-None-Match": etag}, {"If-Modified-Since": modified}):
        again = await api.get("/memfs/a", **headers)
        assert (again.status_code, await body(again)) == (304, b"")
        assert again.headers["ETag"] == etag
    part = await api.get("/memfs/a", **{"If-Range": etag, "Range": "bytes=0-0"})
    assert part.status_code == 206
    await api.put("/a", b"9876543210")
    assert (await api.get("/memfs/a", **{"If-None-Match": etag})).status_code == 200
    whole = await api.get("/memfs/a", **{"If-Range": etag, "Range": "bytes=0-0"})
    assert (whole.status_code, await body(whole)) == (200, b"9876543210")


@pytest.mark.parametrize(
    "headers", [{}, basic(password="wrong"), basic(name="x"), {"Authorization": "Basic !"}]
)
async def test_strangers_do_not_write(api: Files, headers: dict[str, str]) -> None:
    answer = await api.put("/a", b"x", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert (await api.call("DELETE", "/memfs/a", headers=headers)).status_code == 401


async def test_guessing_the_password_ends_soon(api: Files) -> None:
    wrong = basic(password="wrong")
    answers = [(await api.put("/a", b"x", headers=wrong)).status_code for _ in range(25)]
    assert answers[:20] == [401] * 20
    assert answers[20:] == [429] * 5
    assert (await api.put("/a", b"x")).status_code == 429, "the right one is not told either"
    assert (await api.put("/a", b"x", peer=HERE)).status_code == 201


async def test_without_a_password_nobody_writes(tmp_path: Path) -> None:
    storage = Storage(DiskFilesystem(tmp_path), MemoryFilesystem(100))
    answer = await Files(tmp_path, storage=storage).put("/a", b"x", headers=basic("admin", ""))
    assert answer.status_code == 401


async def test_a_grant_writes_from_this_machine_only(api: Files) -> None:
    path = f"/~{api.storage.grants.issue('cam')}/cam.m3u8"
    for peer in (AWAY, OTHERS):
        assert (await api.put(path, MEDIA, headers={}, peer=peer)).status_code == 401
    assert (await api.put(path, MEDIA, headers={}, peer=HERE)).status_code == 201
    assert [file.path for file in await api.storage.memory.list()] == ["/cam.m3u8"]
    raw = await api.call("GET", f"/memfs{path}", headers={}, peer=HERE)
    assert await body(raw) == MEDIA
    deleted = await api.call("DELETE", f"/memfs{path}", headers={}, peer=HERE)
    assert deleted.status_code == 200


async def test_a_grant_that_a_proxy_passes_on_does_not_count(tmp_path: Path) -> None:
    api = Files(tmp_path, trusted_proxies=("127.0.0.0/8",))
    path = f"/~{api.storage.grants.issue('cam')}/a"
    headers = {"X-Forwarded-For": "203.0.113.7"}
    assert (await api.put(path, b"x", headers=headers, peer=HERE)).status_code == 401


async def test_full_memory_says_so_and_keeps_what_it_has(api: Files) -> None:
    await api.put("/a", b"x" * 9000)
    answer = await api.put("/b", b"x" * 1001)
    assert answer.status_code == 507
    assert (await answer.get_json())["reason"] == "storage-full"
    assert (await api.put("/b", b"x" * 1000)).status_code == 201


@pytest.mark.parametrize("path", ["/..", "/a/../b", "/a/", "/%00", "/a%2F..%2Fb", "/%0a"])
async def test_paths_that_name_no_file_are_refused(api: Files, path: str) -> None:
    assert (await api.put(path, b"x")).status_code == 400


async def test_file_systems_are_listed_and_sorted(api: Files) -> None:
    await api.put("/b.ts", b"1")
    await api.put("/a.ts", b"22")
    await api.put("/dir/c.txt", b"333")
    listed = await api.call("GET", "/api/v3/fs")
    await check("GET", "/api/v3/fs", listed)
    for query, names in (
        ("?sort=name", ["/a.ts", "/b.ts", "/dir/c.txt"]),
        ("?sort=size&order=desc", ["/dir/c.txt", "/a.ts", "/b.ts"]),
        ("?glob=/*.ts&sort=name", ["/a.ts", "/b.ts"]),
        ("?glob=/**&sort=lastmod", ["/b.ts", "/a.ts", "/dir/c.txt"]),
    ):
        answer = await api.call("GET", f"/api/v3/fs/mem{query}")
        await check("GET", "/api/v3/fs/{name}", answer)
        assert [file["name"] for file in await answer.get_json()] == names


@pytest.mark.parametrize("name", ["disk", "mem"])
async def test_a_file_through_the_api(api: Files, name: str) -> None:
    target = f"/api/v3/fs/{name}/dir/a%20b.html"
    written = await api.call("PUT", target, data=b"<p>")
    assert written.status_code == 201
    assert written.headers["Content-Location"] == target
    assert (await api.call("PUT", target, data=b"<p>1")).status_code == 204
    shown = await api.call("GET", target)
    assert (await body(shown), shown.content_type) == (b"<p>1", "text/html; charset=utf-8")
    deleted = await api.call("DELETE", target)
    assert await body(deleted) == b"Deleted: /dir/a b.html"
    for method in ("GET", "DELETE"):
        missing = await api.call(method, target)
        await check(method, "/api/v3/fs/{name}/{path}", missing)


async def test_files_of_the_api_need_a_token_and_a_file_system(api: Files) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = await api.call(method, "/api/v3/fs/disk/a", headers={})
        assert answer.status_code == 401
        assert (await api.call(method, "/api/v3/fs/s3/a")).status_code == 404
    assert (await api.call("GET", "/api/v3/fs/s3")).status_code == 404


async def test_the_disk_is_the_site(api: Files, tmp_path: Path) -> None:
    assert (await api.get("/")).status_code == 307
    (tmp_path / "index.html").write_text("<h1>")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/index.html").write_text("<h2>")
    assert await body(await api.get("/")) == b"<h1>"
    assert await body(await api.get("/sub/")) == b"<h2>"
    page = await api.get("/index.html")
    assert page.headers["Cache-Control"] == "max-age=300"
    missing = await api.get("/favicon.ico")
    assert missing.status_code == 404
    assert (await missing.get_json())["message"] == "File not found"


@pytest.mark.parametrize("name", ["live.mpd", "live.m3u8"])
async def test_lists_of_segments_on_the_disk_are_asked_for_each_time(
    api: Files, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("#EXTM3U")
    assert "no-cache" in (await api.get(f"/{name}")).headers["Cache-Control"]


async def test_the_site_hides_no_route(api: Files, tmp_path: Path) -> None:
    (tmp_path / "api").mkdir()
    (tmp_path / "api/x").write_text("x")
    assert (await api.get("/api/x")).status_code == 401
    assert (await api.call("GET", "/api/x")).status_code == 404
    assert (await api.get("/ping")).status_code == 200


async def test_a_viewer_of_hls_is_a_session(api: Files) -> None:
    await api.put("/cam.m3u8", MEDIA)
    await api.put("/cam_1.ts", b"x" * 1000)
    master = await body(await api.get("/memfs/cam.m3u8"))
    target = master.decode().splitlines()[-1]
    assert target.startswith("cam.m3u8?session=")
    playlist = await body(await api.get(f"/memfs/{target}"))
    segment = playlist.decode().splitlines()[-1]
    assert segment == f"cam_1.ts?{target.partition('?')[2]}"
    await body(await api.get(f"/memfs/{segment}"))
    now = 1e9
    collector = api.sessions.collector("hls")
    assert collector.summary.total.sessions == 1
    assert collector.summary.total.tx_bytes == 1000 + len(playlist)
    assert list(collector.summary.reference) == ["cam"]
    assert list(collector.summary.remote) == [AWAY[0]]
    assert collector.active(now) == []


async def test_a_master_playlist_needs_none_above_it(api: Files) -> None:
    await api.put("/m.m3u8", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n")
    text = (await body(await api.get("/memfs/m.m3u8"))).decode()
    assert text.splitlines()[-1].startswith("v.m3u8?session=")
    assert text.count("STREAM-INF") == 1


async def test_a_made_up_session_is_refused_and_an_old_one_taken_again(api: Files) -> None:
    await api.put("/cam.m3u8", MEDIA)
    refused = await api.get("/memfs/cam.m3u8?session=x")
    assert refused.status_code == 403
    assert (await api.get(f"/memfs/cam.m3u8?session={ID}")).status_code == 200


async def test_too_many_viewers_are_told_509(api: Files) -> None:
    api.sessions.set_limits(30, 1, 0)
    await api.put("/cam.m3u8", MEDIA)
    assert (await api.get(f"/memfs/cam.m3u8?session={ID}")).status_code == 200
    refused = await api.get(f"/memfs/cam.m3u8?session={ID[::-1]}")
    assert refused.status_code == 509
    assert json.loads(await body(refused))["code"] == 509


async def test_who_is_ignored_gets_the_file_as_it_is(tmp_path: Path) -> None:
    api = Files(tmp_path, ignored_viewers=("203.0.113.0/24",))
    await api.put("/cam.m3u8", MEDIA)
    assert await body(await api.get("/memfs/cam.m3u8")) == MEDIA
    await api.put("/film.mp4", b"x")
    await body(await api.get("/memfs/film.mp4"))
    for name in ("hls", "http"):
        assert api.sessions.collector(name).summary.total.sessions == 0


async def test_another_download_is_a_session_too(api: Files) -> None:
    await api.put("/film.mp4", b"x" * 1000)
    for _ in range(2):
        await body(await api.get("/memfs/film.mp4"))
    summary = api.sessions.collector("http").summary
    assert (summary.total.sessions, summary.total.tx_bytes) == (1, 2000)
    assert list(summary.local) == ["/memfs/film.mp4"]
    assert api.sessions.collector("hls").summary.total.tx_bytes == 0
    assert api.sessions.collector("https").summary.total.tx_bytes == 0


async def test_uploads_are_counted_by_playlist(api: Files) -> None:
    await api.put("/cam_1.ts", b"x" * 100)  # before any playlist names it
    await api.put("/cam.m3u8", MEDIA)
    await api.put("/cam_1.ts", b"x" * 10)
    await api.put("/other.ts", b"x" * 1)
    summary = api.sessions.collector("hlsingress").summary
    assert list(summary.reference) == ["cam"]
    assert summary.total.rx_bytes == 100 + len(MEDIA) + 10
