"""Somebody watches: from the first visit to the picture, through restarts, without a leak."""

import time

from tests.browser.ui.page import Ui, route
from tests.e2e.daemon import Daemon

OPENS = 50
SOON = 3.0  # seconds, on a quiet machine


async def test_the_first_visit_ends_with_a_picture(
    ui: Ui, ui_daemon: Daemon, is_quiet: bool
) -> None:
    await ui.sign_in("/")
    await ui.page.get_by_role("link", name="Watch picture").click()
    clicked = time.monotonic()
    await ui.until_state("live")
    assert time.monotonic() - clicked < SOON or not is_quiet
    now = await ui.until_playing()
    assert now["width"] == 640
    assert now["muted"], "it must start without anybody's hand"
    assert "LIVE" in now["chip"]
    await ui.until_viewers(1)
    await ui.page.get_by_text("kbit/s").wait_for()
    await ui.shoot("live")


async def test_a_stopped_process_says_so_and_plays_again_by_itself(
    ui: Ui, ui_daemon: Daemon, is_quiet: bool
) -> None:
    await ui.sign_in(route("picture", "live"))
    await ui.until_playing()
    await ui_daemon.command("picture", "stop")
    await ui.page.get_by_text("The process is stopped.").wait_for()
    await ui.shoot_all("live-stopped")
    await ui_daemon.command("picture", "start")
    await ui_daemon.until_live("picture")
    started = time.monotonic()
    await ui.until_playing()
    assert time.monotonic() - started < SOON or not is_quiet


async def test_a_restart_is_a_pause_and_no_more(ui: Ui, ui_daemon: Daemon) -> None:
    await ui.sign_in(route("picture", "live"))
    await ui.until_playing()
    await ui_daemon.command("picture", "restart")
    await ui_daemon.until_live("picture")
    await ui.until_playing(frames=30)
    await ui.until_viewers(1)


async def test_no_session_is_left_after_many_visits(ui: Ui, ui_daemon: Daemon) -> None:
    await ui.sign_in("/")
    for turn in range(OPENS):
        await ui.open(route("picture", "live"))
        if turn % 5 == 0:
            await ui.until_state("live")
        if turn % 10 == 3:
            await ui.page.reload()
            await ui.page.locator("video").wait_for()
        if turn % 10 == 7:
            await ui.page.go_back()
            await ui.page.go_forward()
        await ui.open("/")
    await ui.page.get_by_role("link", name="Watch picture").wait_for()
    await ui.until_viewers(0)
    await ui.open(route("picture", "live"))
    await ui.until_playing()
    await ui.until_viewers(1)
    await ui.page.close()
    await ui.until_viewers(0)
