"""Several tabs of one login, and a tab that nobody looks at."""

import asyncio

import pytest
from playwright.async_api import Browser, Page, Route

from tests.browser.ui.page import Ui, route
from tests.e2e.daemon import Daemon

ROUNDS = 3
MINUTE = 61_000  # milliseconds, and a bit
# Playwright keeps its tabs visible; the page is told that it isn't, as the browser tells it
LOOK = """(state) => {
  Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


async def is_in(page: Page) -> None:
    """Wait until the page has a login."""
    await page.get_by_role("link", name="Watch picture").wait_for()


async def renew(page: Page) -> None:
    """Load the page anew, which renews the login."""
    await page.reload()
    await is_in(page)


@pytest.mark.parametrize("stays", [True, False], ids=["browser", "tab"])
async def test_tabs_that_renew_their_login_at_the_same_time_keep_it(
    browser: Browser, ui_daemon: Daemon, *, stays: bool
) -> None:
    context = await browser.new_context()
    one = Ui(await context.new_page(), ui_daemon.url, ui_daemon)
    await one.sign_in("/", stays=stays)
    two = Ui(await context.new_page(), ui_daemon.url, ui_daemon)
    await two.open("/")
    await is_in(two.page)
    answers: list[int] = []

    async def late(sent: Route) -> None:
        """Answer no refresh before the other tab has begun its own."""
        await asyncio.sleep(0.3)
        answer = await sent.fetch()
        answers.append(answer.status)
        await sent.fulfill(response=answer)

    await context.route("**/api/login/refresh", late)
    for _ in range(ROUNDS):
        async with asyncio.TaskGroup() as both:
            for ui in (one, two):
                both.create_task(renew(ui.page))
    for ui in (one, two, one, two):  # each with what it has now
        await renew(ui.page)
    assert len(answers) >= ROUNDS
    assert set(answers) == {200}, "the daemon ends a login whose token was replaced twice"
    await context.close()
    one.check()
    two.check()


async def test_nobody_looks_but_picture_in_picture_goes_on(ui: Ui) -> None:
    page = ui.page
    await page.clock.install()
    await ui.sign_in(route("picture", "live"))
    await ui.until_playing()
    await page.get_by_role("button", name="Picture in picture").click()
    await ui.until_element("pictureInPictureElement")
    await page.evaluate(LOOK, "hidden")
    await page.clock.fast_forward(MINUTE)
    await page.clock.fast_forward(MINUTE)
    await ui.until_viewers(1)
    await ui.until_playing()
    await page.evaluate("document.exitPictureInPicture()")
    await ui.until_element("pictureInPictureElement", is_there=False)
    await page.clock.fast_forward(MINUTE)
    await ui.until_state("paused")
    await ui.until_viewers(0)
    await page.evaluate(LOOK, "visible")
    await ui.until_playing()
    await ui.until_viewers(1)
