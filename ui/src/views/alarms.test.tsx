/** Alarms, and the daemon's words in another language. */
import { act, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, describe, expect, it } from "vitest";
import { setLanguage } from "@/i18n";
import { FakeDaemon, process, show } from "@/testing/app";

const ALARM = { code: "disk-full", text: "the disk is full: 9 MiB of storage.disk.max_size_mbytes = 9", since: 1_700_000_000 };
const NEWER = { code: "a-newer-word", text: "something that this page has no words for", since: 1_700_000_000 };

function alarmed(...alarms: object[]): FakeDaemon {
  const daemon = new FakeDaemon([process("cam")]);
  daemon.on("GET /api", { body: { app: "datarhei-core", auths: [], version: { number: "16.16.0" }, alarms } });
  return daemon;
}

afterEach(() => act(() => setLanguage("en")));

describe("an alarm", () => {
  it.each(["/", "/system"])("is told at %s with what to do, and goes when it is over", async (route) => {
    const daemon = alarmed(ALARM, NEWER);
    show(daemon, route);
    const banner = (await screen.findByText(ALARM.text)).closest("[role=alert]");
    expect(banner?.textContent).toContain("Make room or raise the limit");
    expect(banner?.textContent).toContain(NEWER.text);
    daemon.on("GET /api", { body: { app: "datarhei-core", auths: [], version: { number: "16.16.0" }, alarms: [] } });
    await waitFor(() => expect(screen.queryByText(ALARM.text)).toBeNull());
  });

  it("speaks German", async () => {
    await setLanguage("de");
    show(alarmed(ALARM));
    const banner = await screen.findByRole("alert");
    expect(banner.textContent).toMatch(/Der Platz für Dateien ist voll.*Platz schaffen.*Seit 14\.11\.2023/);
  });
});

describe("what the daemon refuses", () => {
  it("is said in German, with its details", async () => {
    const daemon = alarmed();
    daemon.on("PUT /api/v3/process/cam/command", { status: 503, body: { message: "The store is read-only", details: ["/var/lib"], reason: "read-only-store" } });
    await setLanguage("de");
    show(daemon);
    await userEvent.click(await screen.findByRole("button", { name: "cam anhalten" }));
    expect(await screen.findByText(/Die Datenbank lässt sich gerade nicht schreiben; nichts wurde geändert\. \/var\/lib/)).toBeTruthy();
  });

  it("is said in German when nobody answers, too", async () => {
    const daemon = alarmed();
    daemon.on("PUT /api/v3/process/cam/command", () => Promise.reject(new TypeError("Failed to fetch")));
    await setLanguage("de");
    show(daemon);
    await userEvent.click(await screen.findByRole("button", { name: "cam anhalten" }));
    expect(await screen.findByText("cam: Anhalten ging nicht. Der Daemon ist nicht erreichbar.")).toBeTruthy();
  });
});
