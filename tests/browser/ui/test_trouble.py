"""Things go wrong while somebody watches: it is said, and the picture comes back by itself."""

import json
import re
import signal
from pathlib import Path

from playwright.async_api import Route

from tests.browser.ui.axe import findings
from tests.browser.ui.page import Ui, route
from tests.e2e import inputs
from tests.e2e.daemon import PASSWORD, Daemon, whep_path
from tests.e2e.waiting import until

ONLY_AV1 = """
const offer = RTCPeerConnection.prototype.createOffer;
RTCPeerConnection.prototype.createOffer = function (...given) {
  const codecs = RTCRtpReceiver.getCapabilities("video").codecs;
  for (const one of this.getTransceivers()) {
    if (one.receiver.track.kind === "video") {
      one.setCodecPreferences(codecs.filter((codec) => codec.mimeType === "video/AV1"));
    }
  }
  return offer.apply(this, given);
};
"""
# every candidate of the answer leads to a port where nobody is
NO_PATH = """
const set = RTCPeerConnection.prototype.setRemoteDescription;
RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
  const moved = sdp.replace(/(a=candidate:.*? )\\d+( typ)/g, (_, a, b) => `${a}50009${b}`);
  return set.call(this, { type, sdp: moved });
};
"""


async def test_webrtc_off_ends_the_picture_and_on_brings_it_back(
    ui: Ui, ui_daemon: Daemon
) -> None:
    await ui.sign_in(route("picture", "live"))
    await ui.until_playing()
    await ui_daemon.change("picture", webrtc={"enabled": False})
    await ui.page.get_by_text("WebRTC is off for this process.").wait_for()
    refused = await ui_daemon.call(
        "POST", whep_path("picture"), content="v=0", headers={"Content-Type": "application/sdp"}
    )
    assert refused.status_code == 404
    await ui.shoot_all("live-off")
    await ui.page.get_by_role("button", name="Turn it on").click()
    await ui_daemon.until_live("picture")
    await ui.until_playing()


async def test_a_daemon_that_restarts_is_only_a_pause(ui: Ui, ui_daemon: Daemon) -> None:
    await ui.sign_in(route("picture", "live"))
    await ui.until_playing()
    await ui_daemon.stop()
    await ui.until_state("waiting")
    await ui.page.get_by_text("No answer from the daemon").wait_for()
    restart = ui.page.get_by_role("button", name="Restart")
    assert await restart.is_disabled(), "an order would only fail"
    assert await findings(ui.page) == [], "what is dimmed can be read"
    await ui.shoot_all("live-unreachable")
    await ui_daemon.start()
    await ui_daemon.until_live("picture")
    await ui.until_playing()
    await ui.until_viewers(1)
    assert await restart.is_enabled()


async def test_a_daemon_that_hangs_is_told_within_seconds(ui: Ui, ui_daemon: Daemon) -> None:
    await ui.sign_in(route("picture", "live"))
    await ui.until_playing()
    ui_daemon.signal(signal.SIGSTOP)
    try:
        await ui.until_state("unstable")
        await ui.page.get_by_text("Picture frozen for").wait_for()
        await ui.shoot_all("live-frozen")
        await ui.until_state("waiting", "connecting")
    finally:
        ui_daemon.signal(signal.SIGCONT)
    await ui.until_playing()
    await ui.until_viewers(1)


async def test_an_expired_token_is_renewed_without_a_word(ui: Ui) -> None:
    await ui.sign_in("/")
    spoiled: list[str] = []

    async def spoil(sent: Route) -> None:
        headers = sent.request.headers
        if sent.request.method == "POST" and not spoiled:
            spoiled.append(headers["authorization"])
            headers = headers | {"authorization": "Bearer no.longer.good"}
        await sent.continue_(headers=headers)

    await ui.page.route("**/whep", spoil)
    await ui.page.get_by_role("link", name="Watch picture").click()
    await ui.until_playing()
    assert spoiled


async def test_a_login_that_ended_is_asked_for_over_the_page(ui: Ui) -> None:
    await ui.sign_in(route("picture", "live"))
    await ui.until_playing()

    async def refuse(sent: Route) -> None:
        await sent.continue_(
            headers=sent.request.headers | {"authorization": "Bearer old.old.old"}
        )

    await ui.page.route("**/api/v3/**", refuse)
    await ui.page.route("**/api/login/refresh", refuse)
    dialog = ui.page.get_by_role("dialog", name="Sign in")
    await dialog.wait_for()
    assert (await ui.facts())["state"] == "live", "media needs no token"
    await ui.shoot_all("session-ended")
    await ui.page.unroute_all(behavior="ignoreErrors")
    await dialog.get_by_label("Password", exact=True).fill(PASSWORD)
    await dialog.get_by_role("button", name="Sign in").click()
    await dialog.wait_for(state="detached")
    await ui.until_playing()


async def test_a_path_that_never_opens_is_told_with_all_that_a_bug_report_needs(
    ui: Ui,
) -> None:
    await ui.page.add_init_script(NO_PATH)
    await ui.sign_in(route("picture", "live"))
    await ui.page.get_by_text("No media path to the daemon.").wait_for()
    await ui.shoot_all("live-no-path")
    text = await ui.diagnostics()
    found = json.loads(text)
    failed = found["last_failed"]
    assert "Chrome" in found["browser"]
    assert failed["cause"]["word"] == "no-path"
    assert [one["phase"] for one in failed["phases"]] == ["offer", "answer", "ice"]
    assert failed["ice"] == "checking"
    assert failed["dtls"] == "new"
    assert "a=rtpmap" in failed["offer"]
    assert "a=candidate" in failed["answer"]
    kinds = {one["type"] for one in failed["stats"]}
    assert kinds >= {"candidate-pair", "local-candidate", "remote-candidate", "transport"}
    secrets = r"Bearer|eyJ|/whep/|a=(ice-ufrag|ice-pwd|fingerprint):(?!•••)"
    assert re.findall(secrets, text) == []


async def test_a_browser_without_our_codec_is_told_what_it_lacks(ui: Ui) -> None:
    await ui.page.add_init_script(ONLY_AV1)
    await ui.sign_in(route("picture", "live"))
    await ui.page.get_by_text("This browser can't decode what the process sends.").wait_for()
    note = await ui.page.locator(".overlay-note").inner_text()
    assert "H.264" in note
    assert "AV1" in note
    await ui.shoot_all("live-codec")


async def test_a_browser_without_h264_gets_vp8(ui: Ui) -> None:
    await ui.page.add_init_script(ONLY_AV1.replace("AV1", "VP8"))
    await ui.sign_in(route("picture", "live"))
    await ui.until_playing()
    await ui.page.get_by_role("region", name="Quality").get_by_text("VP8").wait_for()


async def test_b_frames_are_told_before_saving_and_play_all_the_same(
    ui: Ui, ui_daemon: Daemon, film: Path
) -> None:
    await ui_daemon.add(inputs.film("film", film, autostart=False))
    await ui.sign_in(route("film", "edit"))
    await ui.page.get_by_role("button", name="Probe the inputs").click()
    await ui.page.get_by_text("re-encoded: it has B-frames").wait_for()
    await ui.shoot_all("edit-verdict")
    known = {one["id"] for one in await ui_daemon.get("/api/v3/process")}
    assert not [one for one in known if one.startswith("probe-")], "the look leaves nothing"
    await ui_daemon.command("film", "start")
    await ui_daemon.until_live("film")
    await ui.open(route("film", "live"))
    await ui.until_playing()
    await ui.open(route("film"))
    await ui.page.get_by_text("the stream has B-frames").wait_for()
    await ui_daemon.call("DELETE", "/api/v3/process/film")


async def test_black_and_silence_of_the_source_are_told_as_such(
    ui: Ui, ui_daemon: Daemon
) -> None:
    black = inputs.read("color=c=black:s=320x180:r=10", *inputs.LAVFI, name="black")
    silence = inputs.read("anullsrc=r=48000:cl=stereo", *inputs.LAVFI, name="silence")
    await ui_daemon.add(inputs.config("dark", black, silence))
    await ui_daemon.until_live("dark")
    await ui.sign_in(route("dark", "live"))
    await ui.until_playing()
    found = ui.page.get_by_role("status", name="What of the source reaches viewers")
    silent = found.get_by_text("The sound is silent in the source")
    await found.get_by_text("The picture is black in the source").wait_for()
    await ui.page.get_by_text("Connected for 8 s").wait_for()
    assert await silent.count() == 0, "nobody knows while it is muted"
    await ui.page.get_by_role("button", name="Tap to unmute").click()
    await silent.wait_for()
    await ui.shoot_all("live-black")
    await ui.open(route("picture", "live"))
    await ui.until_playing()
    await ui.page.get_by_role("button", name="Unmute").click()
    await found.get_by_text("Video").wait_for()
    await ui.page.get_by_text("Connected for 9 s").wait_for()
    assert await found.get_by_text("in the source").count() == 0
    await ui_daemon.call("DELETE", "/api/v3/process/dark")


async def test_an_alarm_is_told_while_it_lasts(ui: Ui, ui_daemon: Daemon) -> None:
    names = [f"broken-{number}" for number in range(3)]
    for name in names:
        await ui_daemon.add(inputs.config(name, inputs.read("/nowhere.mp4"), reconnect=False))
    await ui.sign_in("/")
    alarm = ui.page.get_by_role("alert").filter(has_text="processes failed within 60 s")
    await alarm.get_by_text("Look at the machine, the network, the disk").wait_for()
    assert await findings(ui.page) == []
    await ui.shoot_all("list-alarm")
    for name in names:
        await ui_daemon.call("DELETE", f"/api/v3/process/{name}")
    await alarm.wait_for(state="detached")


async def test_why_a_process_is_broken_is_one_click_away(ui: Ui, ui_daemon: Daemon) -> None:
    broken = inputs.config("broken", inputs.read("/nowhere/at-all.mp4"), reconnect=False)
    await ui_daemon.add(broken)

    async def has_failed() -> bool:
        return bool((await ui_daemon.state("broken"))["exec"] == "failed")

    await until(has_failed, "FFmpeg gives up")
    await ui.sign_in("/")
    row = ui.page.get_by_role("row", name="broken")
    await row.get_by_text("failed").wait_for()
    await row.get_by_role("link", name="Log of broken").click()
    await ui.page.get_by_role("log").get_by_text("No such file").first.wait_for()
    await ui.shoot_all("log-broken")
    await ui_daemon.call("DELETE", "/api/v3/process/broken")


async def test_an_upgraded_daemon_is_told_and_who_watches_goes_on_watching(ui: Ui) -> None:
    page = ui.page
    await ui.sign_in(route("picture", "live"))
    await ui.until_playing()
    await page.evaluate("() => { window.isSameVisit = true; }")

    async def start_anew(sent: Route) -> None:
        answer = await sent.fetch()
        await sent.fulfill(
            response=answer,
            json=await answer.json() | {"created_at": "2099-01-01T00:00:00Z"},
        )

    async def serve_another(sent: Route) -> None:
        answer = await sent.fetch()
        text = re.sub(r"(assets/index-)[\w-]+(\.js)", r"\1ANOTHER1\2", await answer.text())
        await sent.fulfill(response=answer, body=text)

    await page.route(f"{ui.url}/api", start_anew)
    await page.route(f"{ui.url}/ui/", serve_another)
    note = page.locator(".banner", has_text="another version of this page")
    await note.wait_for()
    await ui.until_playing()
    assert await findings(page) == []
    await ui.shoot_all("live-outdated")
    assert await page.evaluate("() => window.isSameVisit === true"), "nobody asked for a reload"
    await page.unroute_all(behavior="wait")
    await note.get_by_role("button", name="Reload").click()
    await ui.until_playing()
    assert await page.evaluate("() => window.isSameVisit === undefined")
    assert await note.count() == 0
