"""The page for viewers in somebody else's page: where it is allowed, and only there."""

import http.server
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Frame, Page

from tests.browser.ui.page import Ui
from tests.e2e import inputs
from tests.e2e.daemon import Daemon, Settings
from tests.e2e.waiting import until

PAGE = """<!doctype html><title>Somebody's page</title>
<iframe name="live" width="640" height="360" allow="autoplay; fullscreen; picture-in-picture">
</iframe>"""
# what the frame shows, by what its own element says
PLAYS = """() => {
  const video = document.querySelector("video");
  return video ? [video.videoWidth, video.getVideoPlaybackQuality().totalVideoFrames] : [0, 0];
}"""


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (base class)
        """Say nothing: a failing test shows what matters."""


@contextmanager
def somebodys_site() -> Iterator[str]:
    """Serve a page with a frame in it; gives its origin."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def friends(
    tmp_path_factory: pytest.TempPathFactory, ffmpeg_binary: Path
) -> AsyncIterator[tuple[Daemon, str]]:
    """Give a daemon that one origin may embed, and that origin."""
    with somebodys_site() as origin:
        allowed = {"CORE_UI_FRAME_ANCESTORS": origin}
        settings = Settings(ffmpeg=ffmpeg_binary, environment=allowed)
        daemon = Daemon(tmp_path_factory.mktemp("friends"), settings)
        await daemon.start()
        await daemon.add(inputs.test_picture("picture"))
        await daemon.until_live("picture")
        try:
            yield daemon, origin
        finally:
            daemon.close()


async def embed(page: Page, origin: str, daemon: Daemon) -> Frame:
    """Put a viewer's link into the frame of somebody's page."""
    path = "/api/v3/process/picture/token"
    made = (await daemon.call("POST", path, json={"ttl_seconds": 600})).json()
    await page.goto(origin)
    frame = page.frame("live")
    assert frame is not None
    link = f"{daemon.url}/ui/#/watch/picture?token={made['token']}"
    await page.evaluate("(link) => { document.querySelector('iframe').src = link; }", link)
    return frame


def _noting(said: list[str]) -> Callable[[ConsoleMessage], None]:
    return lambda message: said.append(message.text)


async def until_refused(frame: Frame, said: list[str]) -> None:
    """Wait until the browser has put its own page into the frame, and said why."""

    async def is_refused() -> bool:
        assert frame.url.startswith("chrome-error:"), frame.url
        assert any("frame" in line for line in said), said
        return True

    await until(is_refused, "the browser refuses to show it", seconds=30.0)


async def test_a_page_that_is_allowed_shows_it(
    browser: Browser, friends: tuple[Daemon, str]
) -> None:
    daemon, origin = friends
    context = await browser.new_context(viewport={"width": 700, "height": 420})
    ui = Ui(await context.new_page(), daemon.url, daemon)
    frame = await embed(ui.page, origin, daemon)
    await frame.locator("video").wait_for()

    async def plays() -> bool:
        width, frames = await frame.evaluate(PLAYS)
        assert width == 640
        assert frames >= 10
        return True

    await until(plays, "the picture moves in the frame", seconds=30.0)
    await frame.get_by_role("button", name="Tap to unmute").click()
    assert not await frame.evaluate("() => document.querySelector('video').muted")
    await ui.shoot("embedded")
    await ui.until_viewers(1)
    await ui.page.goto("about:blank")
    await ui.until_viewers(0)
    await context.close()
    ui.check()


async def test_a_page_that_is_not_allowed_shows_nothing(
    browser: Browser, friends: tuple[Daemon, str], ui_daemon: Daemon
) -> None:
    daemon, friend = friends
    with somebodys_site() as stranger:
        for place, origin in ((daemon, stranger), (ui_daemon, friend)):
            context = await browser.new_context()
            page = await context.new_page()
            said: list[str] = []
            page.on("console", _noting(said))
            await until_refused(await embed(page, origin, place), said)
            assert not (await place.whep("picture"))["viewers"]
            await context.close()
