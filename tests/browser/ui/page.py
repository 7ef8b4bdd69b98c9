"""Ui: the web UI in one tab, as a person uses it; and what its player really shows."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.async_api import ConsoleMessage, Page, ViewportSize

import daemon as product
from tests.browser.conftest import SCREENSHOTS, TIMEOUT
from tests.e2e.daemon import PASSWORD, USERNAME, Daemon
from tests.e2e.waiting import until

BUNDLE = Path(str(product.__file__)).parent / "_ui" / "index.html"
PHONE: ViewportSize = {"width": 390, "height": 844}
# the picture, by what the element itself says; nothing of our code is asked
FACTS = """() => {
  const video = document.querySelector("video");
  const player = document.querySelector("[data-state]");
  return {
    state: player?.dataset.state,
    chip: document.querySelector("[data-testid=chip]")?.textContent,
    width: video?.videoWidth ?? 0, time: video?.currentTime ?? 0, muted: video?.muted,
    frames: video?.getVideoPlaybackQuality().totalVideoFrames ?? 0,
    track: video?.srcObject?.getVideoTracks()[0]?.readyState,
  };
}"""
# what "Copy diagnostics" puts into the clipboard; "": there is no player with figures
COPIED = """async () => {
  const button = document.querySelector(".diagnostics button, .stats .card-head button");
  if (!button) return "";
  let text = "";
  const before = navigator.clipboard.writeText;
  navigator.clipboard.writeText = (given) => { text = given; return Promise.resolve(); };
  button.click();
  navigator.clipboard.writeText = before;
  return text;
}"""


class Ui:
    """One tab."""

    def __init__(self, page: Page, url: str, daemon: Daemon) -> None:
        self.page = page
        self.url = url
        self.daemon = daemon
        self.errors: list[str] = []
        self.allowed: tuple[str, ...] = ()
        page.set_default_timeout(TIMEOUT)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note)

    def _note(self, message: ConsoleMessage) -> None:
        """Note faults; a refused request is news for the page, and none of it."""
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.errors.append(f"{message.text} ({message.location})")

    def check(self) -> None:
        """Expect no error and no violation of the policy."""
        faults = [e for e in self.errors if not any(word in e for word in self.allowed)]
        assert not faults, faults

    async def open(self, route: str = "/") -> None:
        """Go to a route, as by an address that was typed."""
        await self.page.goto(f"{self.url}/ui/#{route}")

    async def sign_in(self, route: str = "/", *, stays: bool = False) -> None:
        """Sign in by the form, on the way to a route."""
        await self.open(route)
        await self.page.get_by_label("User", exact=True).fill(USERNAME)
        await self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        if stays:
            await self.page.get_by_label("Stay signed in").check()
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.get_by_role("navigation", name="dragonctl").wait_for()

    async def facts(self) -> Any:
        """Say what the player shows now."""
        return await self.page.evaluate(FACTS)

    async def diagnostics(self) -> str:
        """Copy what the player has for a bug report; "" where there is none."""
        return str(await self.page.evaluate(COPIED))

    async def until_playing(self, frames: int = 5) -> Any:
        """Wait until new pictures come, one after the other."""
        first = await self.facts()

        async def plays() -> Any:
            now = await self.facts()
            assert now["state"] == "live", now
            assert now["width"] > 0, now
            start = first["frames"] if now["frames"] >= first["frames"] else 0
            assert now["frames"] >= start + frames, now
            assert now["time"] > 0, now
            return now

        return await until(plays, "the picture moves")

    async def until_state(self, *states: str) -> Any:
        """Wait for a state of the player."""

        async def is_there() -> Any:
            now = await self.facts()
            assert now["state"] in states, now
            return now

        return await until(is_there, f"the player is {states}")

    async def until_element(self, name: str, *, is_there: bool = True) -> None:
        """Wait until ``document`` has an element by that name, or none.

        Not ``wait_for_function``: it asks again by ``eval``, which our policy forbids.
        """

        async def is_so() -> bool:
            return bool(await self.page.evaluate(f"() => document.{name} !== null")) == is_there

        await until(is_so, f"document.{name} is {'set' if is_there else 'null'}")

    async def until_viewers(self, count: int, process_id: str = "picture") -> None:
        """Wait until the daemon has so many sessions; each player closes its own."""

        async def is_so() -> bool:
            viewers = (await self.daemon.whep(process_id))["viewers"]
            assert len(viewers) == count, viewers
            return True

        await until(is_so, f"{count} viewers")

    async def shoot(self, name: str) -> Path:
        """Keep what the tab shows, for a person to look at."""
        SCREENSHOTS.mkdir(exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        await self.page.screenshot(path=str(path))
        return path

    async def shoot_all(self, name: str) -> None:
        """Keep a state of the page in both themes and on a phone."""
        size = self.page.viewport_size
        await self.page.emulate_media(color_scheme="dark")
        await self.shoot(f"{name}-dark")
        await self.page.emulate_media(color_scheme="light")
        await self.shoot(f"{name}-light")
        await self.page.set_viewport_size(PHONE)
        await self.shoot(f"{name}-phone")
        if size is not None:
            await self.page.set_viewport_size(size)


def route(process_id: str, tab: str = "") -> str:
    """Give the route of a process."""
    return f"/process/{quote(process_id, safe='')}" + (f"/{tab}" if tab else "")
