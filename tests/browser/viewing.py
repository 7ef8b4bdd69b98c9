"""Viewing: what the tests do with the page's player, and what they ask it."""

from typing import Any

from playwright.async_api import Page

from tests.e2e.daemon import Daemon
from tests.e2e.waiting import until
from tests.fakes.relay import Relay


async def stats(page: Page) -> Any:
    """Give the player's numbers."""
    return await page.evaluate("() => player.stats()")


async def open_player(
    page: Page, daemon: Daemon, process_id: str, relay: Relay | None = None
) -> None:
    """Subscribe, over a relay if there is one."""
    via = None
    if relay is not None:
        relay.server = await media_address(daemon)
        via = relay.port
    arguments = [daemon.whep_url(process_id), daemon.token, via]
    await page.evaluate("([url, token, via]) => player.play(url, token, via)", arguments)


async def until_picture(page: Page) -> Any:
    """Wait for the first picture."""

    async def is_seen() -> Any:
        now = await stats(page)
        assert now["picture"], now
        return now

    return await until(is_seen, "there is a picture")


async def media_address(daemon: Daemon) -> tuple[str, int]:
    """Where the daemon's media comes from, on loopback."""
    for candidate in (await daemon.get("/api/v3/webrtc"))["candidates"]:
        host, _, port = candidate.removesuffix("/udp").rpartition(":")
        if host.startswith("127."):
            return host, int(port)
    raise AssertionError("the daemon has no candidate on loopback")
