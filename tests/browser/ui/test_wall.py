"""The wall: sixteen tiles, of which those on the screen play and the others cost nothing."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import expect

from tests.browser.ui.page import Ui
from tests.e2e import inputs
from tests.e2e.daemon import Daemon
from tests.e2e.waiting import until

TILES = 16
NAMES = [f"wall-{number:02}" for number in range(TILES)]
SEEN = """(all) => all.map((tile) => {
  const box = tile.getBoundingClientRect();
  return [box.top < innerHeight && box.bottom > 0, tile.dataset.state];
})"""


@pytest_asyncio.fixture(scope="function", loop_scope="session")
async def many(ui_daemon: Daemon) -> AsyncIterator[Daemon]:
    """Give the daemon with as many live processes more as the wall has tiles."""
    small = inputs.read("testsrc2=size=160x90:rate=10", *inputs.LAVFI)
    try:
        for name in NAMES:
            await ui_daemon.add(inputs.config(name, small))
        for name in NAMES:
            await ui_daemon.until_live(name)
        yield ui_daemon
    finally:
        for name in NAMES:
            await ui_daemon.call("DELETE", f"/api/v3/process/{name}")


async def until_seen_ones_play(ui: Ui) -> int:
    """Wait until the tiles on the screen play and no other does; give how many."""

    async def are_playing() -> int:
        seen = await ui.page.locator(".tile").evaluate_all(SEEN)
        assert all((state == "live") == is_seen for is_seen, state in seen), seen
        return sum(is_seen for is_seen, _ in seen)

    return await until(are_playing, "what is on the screen plays")


async def until_watched(daemon: Daemon, count: int) -> None:
    """Wait until the daemon has so many viewers in all."""

    async def is_so() -> bool:
        watched = [len((await daemon.whep(one))["viewers"]) for one in [*NAMES, "picture"]]
        assert sum(watched) == count, watched
        return True

    await until(is_so, f"{count} viewers")


async def test_the_wall_plays_what_is_on_the_screen(ui: Ui, many: Daemon) -> None:
    page = ui.page
    await page.set_viewport_size({"width": 1100, "height": 400})
    await ui.sign_in("/wall")
    await expect(page.locator(".tile")).to_have_count(TILES)
    await page.get_by_text("1 more").wait_for()
    few = await until_seen_ones_play(ui)
    assert few < TILES
    await until_watched(many, few)
    await page.mouse.wheel(0, 2000)
    await until_seen_ones_play(ui)
    await page.set_viewport_size({"width": 1280, "height": 1500})
    assert await until_seen_ones_play(ui) == TILES
    await ui.shoot("wall")
    await page.get_by_role("button", name="Enlarge wall-03").click()
    await page.get_by_role("heading", name="wall-03").wait_for()
    await ui.until_playing()
    await until_watched(many, 1)
    await page.keyboard.press("Escape")
    await expect(page.locator(".tile")).to_have_count(TILES)


async def test_a_tile_shows_the_poster_until_it_plays(ui: Ui) -> None:
    await ui.page.route("**/whep", lambda sent: sent.abort())
    await ui.sign_in("/wall")
    picture = ui.page.locator(".tile img")
    await picture.wait_for()
    assert (
        await picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
    )
    await ui.shoot("wall-poster")
    await ui.page.unroute_all(behavior="ignoreErrors")
    await ui.page.locator('.tile[data-state="live"]').wait_for()
    await expect(picture).to_have_count(0)
