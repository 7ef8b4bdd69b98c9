"""/ui/: what a browser gets of a built UI, and what of one that was never built."""

import gzip
import shutil
from pathlib import Path
from typing import Any

import pytest
from quart import Response

from daemon.http import ui
from tests.integration.http.scripted import Api

SCRIPT = "assets/index-BxYz12_a.js"


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a bundle as the build leaves it in place of ours."""
    built = tmp_path / "_ui"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<!doctype html><title>dragonctl</title>")
    (built / SCRIPT).write_text("console.log(1)")
    (built / f"{SCRIPT}.gz").write_bytes(gzip.compress(b"console.log(1)"))
    (built / "icon.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("outside")
    monkeypatch.setattr(ui, "BUNDLE", built)
    return built


async def get(api: Api, target: str, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.call("GET", target, headers=named)


def directives(response: Response) -> dict[str, str]:
    parts = response.headers["Content-Security-Policy"].split("; ")
    return dict(part.partition(" ")[::2] for part in parts)


@pytest.mark.parametrize("target", ["/", "/ui"])
async def test_the_way_to_the_ui_is_relative_so_that_a_prefix_of_a_proxy_stays(
    target: str,
) -> None:
    response = await get(Api(), target)
    assert (response.status_code, response.headers["Location"]) == (307, "ui/")


async def test_without_a_bundle_a_plain_page_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ui, "BUNDLE", tmp_path / "nothing")
    response = await get(Api(), "/ui/")
    text = await response.get_data(as_text=True)
    assert response.status_code == 200
    assert "UI not built: run <code>make ui</code>" in text
    assert "http" not in text
    assert "src=" not in text
    assert response.headers["Cache-Control"] == "no-store"
    assert directives(response)["default-src"] == "'none'"


async def test_a_bundle_built_later_is_found_without_a_restart(bundle: Path) -> None:
    hidden = bundle.with_name("elsewhere")
    shutil.move(bundle, hidden)
    api = Api()
    assert "not built" in await (await get(api, "/ui/")).get_data(as_text=True)
    shutil.move(hidden, bundle)
    assert "<title>dragonctl" in await (await get(api, "/ui/")).get_data(as_text=True)
    assert (await get(api, f"/ui/{SCRIPT}")).status_code == 200


@pytest.mark.usefixtures("bundle")
async def test_the_page_is_asked_for_anew_and_answered_304_while_it_is_the_same() -> None:
    api = Api()
    first = await get(api, "/ui/")
    assert first.content_type == "text/html; charset=utf-8"
    assert first.headers["Cache-Control"] == "no-cache"
    again = await get(api, "/ui/", If_None_Match=first.headers["ETag"])
    assert (again.status_code, await again.get_data()) == (304, b"")
    assert again.headers["Content-Security-Policy"]


@pytest.mark.usefixtures("bundle")
async def test_files_with_a_hash_are_kept_for_good_and_others_are_not() -> None:
    api = Api()
    script, icon = await get(api, f"/ui/{SCRIPT}"), await get(api, "/ui/icon.svg")
    assert script.content_type == "text/javascript; charset=utf-8"
    assert script.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert icon.content_type == "image/svg+xml"
    assert icon.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("accepted", ["gzip, deflate, br", "*", "gzip;q=0.5"])
@pytest.mark.usefixtures("bundle")
async def test_whoever_takes_gzip_gets_the_packed_file(accepted: str) -> None:
    response = await get(Api(), f"/ui/{SCRIPT}", Accept_Encoding=accepted)
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(await response.get_data(as_text=False)) == b"console.log(1)"


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "identity"])
@pytest.mark.usefixtures("bundle")
async def test_whoever_does_not_take_gzip_gets_the_plain_file(accepted: str) -> None:
    api = Api()
    response = await get(api, f"/ui/{SCRIPT}", Accept_Encoding=accepted)
    assert "Content-Encoding" not in response.headers
    assert response.headers["Vary"] == "Accept-Encoding"
    assert await response.get_data() == b"console.log(1)"
    packed = await get(api, f"/ui/{SCRIPT}", Accept_Encoding="gzip")
    assert packed.headers["ETag"] != response.headers["ETag"]


@pytest.mark.parametrize(
    "name",
    ["../secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt", "assets", f"{SCRIPT}.gz", "x"],
)
@pytest.mark.usefixtures("bundle")
async def test_there_is_nothing_but_the_bundle(name: str) -> None:
    response = await get(Api(), f"/ui/{name}")
    assert response.status_code == 404


WANTED: list[tuple[str, Any]] = [
    ("default-src", "'none'"),
    ("script-src", "'self'"),
    ("style-src", "'self'"),
    ("connect-src", "'self'"),
    ("base-uri", "'none'"),
    ("form-action", "'none'"),
    ("require-trusted-types-for", "'script'"),
    ("frame-ancestors", "'none'"),
]


@pytest.mark.parametrize(("directive", "value"), WANTED)
@pytest.mark.usefixtures("bundle")
async def test_the_page_may_do_little(directive: str, value: str) -> None:
    assert directives(await get(Api(), "/ui/"))[directive] == value


@pytest.mark.usefixtures("bundle")
async def test_by_default_nobody_may_frame_it_and_others_may_not_read_it() -> None:
    headers = (await get(Api(), "/ui/")).headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "camera=()" in headers["Permissions-Policy"]


@pytest.mark.usefixtures("bundle")
async def test_named_origins_may_frame_it() -> None:
    api = Api(frame_ancestors=("https://example.org", "http://127.0.0.1:9000"))
    response = await get(api, "/ui/")
    named = directives(response)["frame-ancestors"]
    assert named == "https://example.org http://127.0.0.1:9000"
    assert "X-Frame-Options" not in response.headers
    assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
