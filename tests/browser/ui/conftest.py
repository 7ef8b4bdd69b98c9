"""One daemon and one browser for all tests of the UI; a context of its own for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.browser.conftest import FLAGS, TIMEOUT
from tests.browser.ui.page import BUNDLE, Ui
from tests.conftest import give_up
from tests.e2e import inputs
from tests.e2e.daemon import Daemon, Settings

ENVIRONMENT = {
    # one address opens and closes many players here
    "CORE_LIMITS_VIEWERS_PER_ADDRESS": "120",
    "CORE_LIMITS_VIEWERS_PER_SUBJECT": "120",
    "CORE_API_TRUSTED_PROXIES": "127.0.0.1/32",  # tests/browser/ui/proxy.py
}
# a name that is no loopback address to Chromium, so that its page is no secure context
HOST = "media.example.test"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run these on the loop that the shared browser lives on."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            for mark in (pytest.mark.ffmpeg, pytest.mark.chromium, pytest.mark.slow):
                item.add_marker(mark)
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ui_daemon(
    tmp_path_factory: pytest.TempPathFactory, ffmpeg_binary: Path
) -> AsyncIterator[Daemon]:
    """Give the shared daemon, with a picture to watch that is called `picture`."""
    settings = Settings(ffmpeg=ffmpeg_binary, environment=ENVIRONMENT)
    daemon = Daemon(tmp_path_factory.mktemp("ui"), settings)
    await daemon.start()
    await daemon.add(inputs.test_picture("picture"))
    await daemon.until_live("picture")
    yield daemon
    daemon.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium_binary: Path) -> AsyncIterator[Browser]:
    """Give the browser, once the UI is there to be shown."""
    if not BUNDLE.exists():
        give_up("the web UI isn't built (`make ui`)")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=str(chromium_binary),
            timeout=TIMEOUT,
            args=[*FLAGS, f"--host-resolver-rules=MAP {HOST} 127.0.0.1"],
        )
        yield launched
        await launched.close()


@pytest_asyncio.fixture(scope="function", loop_scope="session")
async def ui(
    browser: Browser, ui_daemon: Daemon, request: pytest.FixtureRequest
) -> AsyncIterator[Ui]:
    """Give a fresh visitor's tab; errors and violations of the policy fail the test."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    opened = Ui(await context.new_page(), ui_daemon.url, ui_daemon)
    failures = request.session.testsfailed
    yield opened
    if request.session.testsfailed > failures:
        picture = await opened.shoot(f"failed-{request.node.name}")
        picture.with_suffix(".json").write_text(await opened.diagnostics())
    await context.close()
    opened.check()
