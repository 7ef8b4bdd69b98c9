"""Chromium, headless, on a page of the tests' own (facts: no autoplay flag, no QUIC)."""

import functools
import http.server
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.e2e.conftest import daemon, film, make_daemon, sparse
from tests.e2e.waiting import DEADLINE

__all__ = [
    "daemon",
    "film",
    "make_daemon",
    "sparse",
]  # fixtures, by their names

HERE = Path(__file__).parent
SCREENSHOTS = HERE / "screenshots"
TIMEOUT = 1000 * DEADLINE  # milliseconds for one step
expect.set_options(timeout=TIMEOUT)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (base class)
        """Say nothing: a failing test shows what matters."""


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """Serve the page; another origin than the daemon's, as a player's usually is."""
    handler = functools.partial(_Handler, directory=str(HERE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/page.html"
        server.shutdown()
        thread.join()


@pytest.fixture
async def page(chromium_binary: Path, site: str) -> AsyncIterator[Page]:
    """Give a tab with the page open; errors in it fail the test."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=str(chromium_binary), args=list(FLAGS), timeout=TIMEOUT
        )
        tab = await browser.new_page(viewport={"width": 640, "height": 360})
        tab.set_default_timeout(TIMEOUT)
        errors: list[str] = []
        tab.on("pageerror", lambda error: errors.append(str(error)))
        await tab.goto(site)
        yield tab
        await browser.close()
        assert not errors


async def take_screenshot(page: Page, name: str) -> Path:
    """Keep what the tab shows, for a person to look at."""
    SCREENSHOTS.mkdir(exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    await page.screenshot(path=str(path))
    return path
