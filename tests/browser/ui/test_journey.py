"""A new user's first hour, by keyboard alone and on a phone; on a daemon without a process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.browser.ui.page import Ui
from tests.e2e.daemon import PASSWORD, USERNAME, Daemon, Settings

TABS = 80  # more than any way on one screen
FOCUSED = """() => {
  const one = document.activeElement;
  const label = one.labels?.[0]?.textContent ?? "";
  const text = one.matches("button, a, summary") ? one.textContent : "";
  return [one.getAttribute("aria-label"), label, text].filter(Boolean).join("|");
}"""


@pytest_asyncio.fixture(scope="function", loop_scope="session")
async def fresh(tmp_path: Path, ffmpeg_binary: Path) -> AsyncIterator[Daemon]:
    """Give a daemon without a process."""
    daemon = Daemon(tmp_path / "fresh", Settings(ffmpeg=ffmpeg_binary))
    await daemon.start()
    yield daemon
    daemon.close()


async def tab_to(page: Page, text: str) -> None:
    """Press Tab until the focus is on what is called so."""
    for _ in range(TABS):
        if text in await page.evaluate(FOCUSED):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"Tab doesn't lead to {text!r}")


async def press(page: Page, text: str, key: str = "Enter") -> None:
    """Use what is called so."""
    await tab_to(page, text)
    await page.keyboard.press(key)


async def test_by_keyboard_alone(browser: Browser, fresh: Daemon) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    ui = Ui(page, fresh.url, fresh)
    await ui.open("/")
    await page.get_by_role("heading", name="Sign in").wait_for()
    await page.keyboard.type(USERNAME)  # the focus is there already
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await page.get_by_text("No process yet").wait_for()
    await ui.shoot_all("empty")
    await press(page, "Try the test picture")
    await ui.until_playing()
    await tab_to(page, "Live picture of test-picture")
    await page.keyboard.press("m")
    assert not (await ui.facts())["muted"]
    await page.keyboard.press("k")
    await ui.until_state("paused")
    await page.keyboard.press("k")
    await ui.until_playing()
    await create_a_camera(ui)
    await press(page, "Log of camera")
    await page.get_by_role("log").get_by_text("refused").first.wait_for()
    await page.keyboard.press("g")
    await page.keyboard.press("l")
    await share(ui)
    await context.close()
    ui.check()


async def create_a_camera(ui: Ui) -> None:
    """Create a process from an RTSP address that nobody answers at, with WebRTC on."""
    page = ui.page
    await page.keyboard.press("Tab")
    await page.keyboard.press("g")
    await page.keyboard.press("l")
    await page.get_by_role("heading", name="Processes").wait_for()
    await page.keyboard.press("n")
    await page.get_by_role("heading", name="New process").wait_for()
    await tab_to(page, "Name (ID)")
    await page.keyboard.type("camera")
    await tab_to(page, "Input 1: Address")
    await page.keyboard.type("rtsp://127.0.0.1:9/stream")
    await tab_to(page, "Input 1: Options")
    await page.keyboard.type("-rtsp_transport 'tcp")
    await page.keyboard.press("Enter")
    await page.get_by_text("never ends").wait_for()
    await page.keyboard.press("End")
    await page.keyboard.type("'")
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="camera").wait_for()
    await page.keyboard.press("g")
    await page.keyboard.press("l")
    await page.get_by_role("row", name="camera").get_by_text("again in").wait_for()


async def share(ui: Ui) -> None:
    """Share the test picture by a link."""
    page = ui.page
    await page.get_by_role("heading", name="Processes").wait_for()
    await press(page, "Watch test-picture")
    await ui.until_playing()
    await press(page, "Share a viewer link")
    await page.get_by_role("dialog").wait_for()
    await press(page, "Make a link")
    await page.get_by_label("Link", exact=True).wait_for()
    await page.keyboard.press("Escape")
    await page.get_by_role("dialog").wait_for(state="detached")
    assert "Share a viewer link" in await page.evaluate(FOCUSED), "focus is back"


async def test_on_a_phone(browser: Browser, fresh: Daemon) -> None:
    context = await browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = await context.new_page()
    ui = Ui(page, fresh.url, fresh)
    await ui.sign_in("/")
    await page.get_by_role("button", name="Try the test picture").tap()
    await ui.until_playing()
    await page.get_by_role("button", name="Tap to unmute").tap()
    assert not (await ui.facts())["muted"]
    await page.get_by_role("button", name="Share a viewer link").tap()
    await page.get_by_role("button", name="Make a link").tap()
    await page.get_by_label("Link", exact=True).wait_for()
    await ui.shoot("share-phone")
    await page.get_by_role("button", name="Close").tap()
    await page.get_by_role("link", name="Processes").tap()
    await page.get_by_role("row", name="test-picture").wait_for()
    await page.get_by_role("button", name="New process").first.tap()
    await page.get_by_label("Name (ID)").fill("camera")
    await page.get_by_label("Input 1: Address").fill("rtsp://127.0.0.1:9/stream")
    await page.get_by_role("button", name="Save").tap()
    await page.get_by_role("heading", name="camera").wait_for()
    await page.get_by_role("link", name="Log", exact=True).first.tap()
    await page.get_by_role("log").get_by_text("refused").first.wait_for()
    await context.close()
    ui.check()
