"""Every screen: accessible in both themes, whole on a phone, within the policy, looked at."""

import pytest
from playwright.async_api import Browser

from tests.browser.ui.axe import findings
from tests.browser.ui.page import PHONE, Ui, route
from tests.e2e import inputs
from tests.e2e.daemon import PASSWORD, USERNAME, Daemon
from tests.e2e.waiting import until

SCREENS = {
    "list": ("/", "role=cell >> text=running"),
    "overview": (route("picture"), "text=Last log line"),
    "live": (route("picture", "live"), '[data-state="live"]'),
    "log": (route("picture", "log"), ".log-line"),
    "config": (route("picture", "config"), "pre"),
    "edit": (route("picture", "edit"), "text=Save and restart"),
    "new": ("/new", "text=New process"),
    "json": ("/new?mode=json", "textarea"),
    "wall": ("/wall", '.tile[data-state="live"]'),
    "system": ("/system", "text=UDP segmentation"),
    "nothing": ("/no/such/page", "text=There is no such page"),
    "gone": (route("gone"), "text=There is no process gone"),
}


async def show(ui: Ui, name: str) -> None:
    """Go to a screen and wait until it is complete."""
    address, sign = SCREENS[name]
    await ui.open(address)
    await ui.page.locator(sign).first.wait_for(state="attached")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_screens_are_accessible(ui: Ui, ui_daemon: Daemon, theme: str) -> None:
    await ui_daemon.add(inputs.test_picture("stopped", autostart=False))
    page = ui.page
    await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    await ui.open("/")
    await page.get_by_role("heading", name="Sign in").wait_for()
    found = {"login": await findings(page)}
    await ui.shoot(f"login-{theme}")
    await ui.sign_in("/")
    for name in SCREENS:
        await show(ui, name)
        found[name] = await findings(page)
        await ui.shoot(f"{name}-{theme}")
    await ui_daemon.call("DELETE", "/api/v3/process/stopped")
    assert {name: faults for name, faults in found.items() if faults} == {}


async def test_a_phone_shows_all_of_it(browser: Browser, ui_daemon: Daemon) -> None:
    context = await browser.new_context(
        viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    ui = Ui(await context.new_page(), ui_daemon.url, ui_daemon)
    await ui.sign_in("/")
    wide = {}
    for name in SCREENS:
        await show(ui, name)
        width = await ui.page.evaluate("() => document.documentElement.scrollWidth")
        if width > PHONE["width"]:
            wide[name] = width
        await ui.shoot(f"{name}-phone")
    assert not wide, "it scrolls sideways"
    await show(ui, "live")
    await ui.until_playing()
    await ui.page.get_by_role("button", name="Tap to unmute").tap()
    assert not (await ui.facts())["muted"]
    await context.close()
    ui.check()


NARROW = {
    "320-en": (320, "en-GB", "Sign in"),
    "360-de": (360, "de-DE", "Anmelden"),
    "800-en": (800, "en-GB", "Sign in"),
}


@pytest.mark.parametrize("name", NARROW)
async def test_nothing_is_cut_off_on_narrow_pages(
    browser: Browser, ui_daemon: Daemon, name: str
) -> None:
    path = "/nowhere/at/all/" + "a-directory-with-a-long-name/" * 3 + "film.mp4"
    source = inputs.read(path)
    await ui_daemon.add(inputs.config("broken", source, reconnect_delay_seconds=300))
    await ui_daemon.add(inputs.test_picture("name-" * 12, autostart=False))
    width, locale, submit = NARROW[name]
    context = await browser.new_context(
        viewport={"width": width, "height": 640}, locale=locale, has_touch=True, is_mobile=True
    )
    ui = Ui(await context.new_page(), ui_daemon.url, ui_daemon)
    await ui.open("/")
    await ui.page.locator("input[autocomplete=username]").fill(USERNAME)
    await ui.page.locator("input[autocomplete=current-password]").fill(PASSWORD)
    await ui.page.get_by_role("button", name=submit).click()
    await ui.page.locator(".processes").wait_for()
    screens = {name: route("broken", name) for name in ("", "live", "log", "config", "edit")}
    wide = {}
    for tab, address in (screens | {"list": "/", "system": "/system"}).items():
        await ui.open(address)
        await ui.page.locator("main h1").wait_for()
        if tab == "live":
            await ui.page.locator(".findings").wait_for()
        found = await ui.page.evaluate("() => document.documentElement.scrollWidth")
        if found > width:
            wide[tab] = found
    await ui.open("/")
    link = ui.page.get_by_role("link", name="picture", exact=True)
    box = await link.bounding_box()
    await ui.shoot(f"list-{name}")
    await context.close()
    for one in ("broken", "name-" * 12):
        await ui_daemon.call("DELETE", f"/api/v3/process/{one}")
    assert wide == {}
    assert box is not None
    assert box["width"] > box["height"], "the name stays on one line"
    ui.check()


async def test_a_phone_that_is_turned_shows_the_whole_picture(
    browser: Browser, ui_daemon: Daemon
) -> None:
    context = await browser.new_context(
        viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    ui = Ui(await context.new_page(), ui_daemon.url, ui_daemon)
    await ui.sign_in(route("picture", "live"))
    await ui.until_playing()
    await ui.page.set_viewport_size({"width": PHONE["height"], "height": PHONE["width"]})

    async def is_whole() -> bool:
        box = await ui.page.locator(".player").bounding_box()
        bar = await ui.page.locator("header").bounding_box()
        assert box is not None
        assert bar is not None
        assert box["y"] >= bar["height"] - 1, box
        assert box["y"] + box["height"] <= PHONE["width"] + 1, box
        return True

    await until(is_whole, "the picture is whole")
    await ui.shoot("live-phone-turned")
    await context.close()
    ui.check()


async def test_menus_and_dialogs_are_accessible(ui: Ui) -> None:
    await ui.sign_in("/")
    page = ui.page
    await page.get_by_role("button", name="More for picture").click()
    assert await findings(page) == []
    await ui.shoot_all("menu")
    await page.get_by_role("menuitem", name="Delete…").click()
    await page.get_by_role("dialog", name="Delete picture?").wait_for()
    assert await findings(page) == []
    await ui.shoot_all("confirm")
    await page.keyboard.press("Escape")
    await page.get_by_role("dialog").wait_for(state="detached")
    await page.keyboard.press("?")
    await page.get_by_role("dialog", name="Keyboard").wait_for()
    assert await findings(page) == []


async def test_german_is_whole(ui: Ui) -> None:
    await ui.sign_in("/")
    page = ui.page
    await page.get_by_role("button", name="Account admin").click()
    await page.get_by_role("menuitemradio", name="Deutsch").click()
    await page.get_by_role("heading", name="Prozesse").wait_for()
    assert await page.evaluate("() => document.documentElement.lang") == "de"
    await ui.shoot("list-german")
    await page.get_by_role("link", name="picture ansehen").click()
    await ui.until_playing()
    await ui.shoot("live-german")
    await page.reload()
    await page.get_by_role("link", name="Übersicht").wait_for()
