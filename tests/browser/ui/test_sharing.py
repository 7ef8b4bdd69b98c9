"""Links for viewers, the page they lead to, and where else the UI is served."""

from playwright.async_api import Browser

from tests.browser.ui.axe import findings
from tests.browser.ui.conftest import HOST
from tests.browser.ui.page import Ui, route
from tests.browser.ui.proxy import below
from tests.e2e.daemon import Daemon


async def visitor(browser: Browser, daemon: Daemon) -> Ui:
    """Give a tab of somebody who has never been here."""
    context = await browser.new_context(viewport={"width": 800, "height": 450})
    return Ui(await context.new_page(), daemon.url, daemon)


async def test_a_link_shows_one_process_and_nothing_else(
    ui: Ui, browser: Browser, ui_daemon: Daemon
) -> None:
    await ui.sign_in(route("picture", "live"))
    await ui.page.get_by_role("button", name="Share a viewer link").click()
    await ui.page.get_by_role("button", name="Make a link").click()
    link = await ui.page.get_by_label("Link", exact=True).input_value()
    await ui.shoot_all("share")
    assert "#/watch/picture?token=" in link
    other = await visitor(browser, ui_daemon)
    await other.page.goto(link)
    await other.until_playing()
    await other.shoot_all("watch")
    assert await findings(other.page) == []
    await other.page.emulate_media(color_scheme="dark")
    assert await findings(other.page) == []
    assert await other.page.get_by_role("navigation").count() == 0
    await other.page.get_by_role("button", name="Tap to unmute").click()
    assert not (await other.facts())["muted"]
    await other.open("/")
    await other.page.get_by_role("heading", name="Sign in").wait_for()
    await other.page.context.close()
    other.check()


async def test_a_bad_link_says_so(browser: Browser, ui_daemon: Daemon) -> None:
    other = await visitor(browser, ui_daemon)
    await other.open("/watch/picture?token=made.up.token")
    await other.page.get_by_text("This link is no longer valid").wait_for()
    await other.open("/watch/picture")
    await other.page.get_by_text("This address has no token").wait_for()
    await other.page.context.close()
    other.check()


async def test_a_link_waits_for_a_process_that_is_stopped(
    browser: Browser, ui_daemon: Daemon
) -> None:
    path = "/api/v3/process/picture/token"
    made = (await ui_daemon.call("POST", path, json={"ttl_seconds": 600})).json()
    await ui_daemon.command("picture", "stop")
    other = await visitor(browser, ui_daemon)
    await other.open(f"/watch/picture?token={made['token']}")
    await other.until_state("waiting")
    await ui_daemon.command("picture", "start")
    await other.until_playing()
    await other.page.context.close()
    other.check()


async def test_plain_http_from_another_machine_plays_and_copies(
    browser: Browser, ui_daemon: Daemon
) -> None:
    context = await browser.new_context()
    ui = Ui(await context.new_page(), f"http://{HOST}:{ui_daemon.port}", ui_daemon)
    # Chromium says that plain HTTP has no use for it
    ui.allowed = ("Cross-Origin-Opener-Policy",)
    await ui.sign_in(route("picture", "live"))
    assert not await ui.page.evaluate("isSecureContext"), "or this proves nothing"
    await ui.until_playing()
    await ui.page.get_by_role("button", name="Copy WHEP URL").click()
    await ui.page.get_by_text("Copied").wait_for()
    await context.close()
    ui.check()


async def test_below_a_path_of_a_proxy_all_works(browser: Browser, ui_daemon: Daemon) -> None:
    with below("/x/y", ui_daemon.port) as port:
        context = await browser.new_context()
        ui = Ui(await context.new_page(), f"http://127.0.0.1:{port}/x/y", ui_daemon)
        await ui.sign_in("/")
        await ui.page.get_by_role("link", name="Watch picture").click()
        await ui.until_playing()
        await ui.until_viewers(1)
        await ui.page.get_by_role("link", name="Processes").click()
        await ui.until_viewers(0)
        await context.close()
        ui.check()
