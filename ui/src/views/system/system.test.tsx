/** System: what the daemon uses, and a page that is older than the daemon. */
import { act, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { setLanguage } from "@/i18n";
import { FakeDaemon, process, show } from "@/testing/app";

const page = (script: string) => `<!doctype html><script type="module" crossorigin src="${script}"></script><div id="app"></div>`;
const OURS = "./assets/index-AAAAAAAA.js";
const about = (created_at: string) => ({ body: { app: "datarhei-core", auths: [], created_at, version: { number: "16.16.0" } } });

function daemon(): FakeDaemon {
  const made = new FakeDaemon([process("cam")]);
  made.on("GET /api", about("2026-01-01T00:00:00Z"));
  made.on("GET /ui/", { body: page(OURS), headers: { "Content-Type": "text/html" } });
  const values = { cpu_idle: 66, daemon_cpu: 1.25, daemon_memory: 92e6, mem_free: 5e9, mem_total: 8e9 };
  made.on("POST /api/v3/metrics", (body) => {
    const names = (body as { metrics: { name: keyof typeof values }[] }).metrics.map(({ name }) => name);
    return { body: { metrics: names.map((name) => ({ name, labels: null, values: [[1, values[name]]] })) } };
  });
  return made;
}

beforeEach(() => {
  const script = document.createElement("script");
  script.setAttribute("type", "module");
  script.setAttribute("src", OURS);
  document.head.append(script);
});
afterEach(async () => {
  document.head.replaceChildren();
  await act(() => setLanguage("en"));
});

const value = (name: string) => screen.getByText(name).nextElementSibling?.textContent;

describe("what the daemon uses", () => {
  it("is told beside what the machine uses", async () => {
    show(daemon(), "/system");
    await screen.findByText("Memory");
    expect(value("CPU")).toMatch(/^1\.3\s%, .* 34\s%$/);
    expect(value("Memory")).toMatch(/^92\sMB, .* 3\.0\sGB of 8\.0\sGB$/);
  });

  it("is told in German, too", async () => {
    await setLanguage("de");
    show(daemon(), "/system");
    await screen.findByText("Speicher");
    expect(value("CPU")).toMatch(/^1,3\s%, mit allem anderen auf dem Rechner 34\s%$/);
  });

  it("is left out by a daemon that doesn't tell", async () => {
    const older = daemon();
    older.on("POST /api/v3/metrics", { status: 404 });
    show(older, "/system");
    await screen.findByText("AAAAAAAA");
    expect(screen.queryByText("Memory")).toBeNull();
  });
});

describe("a page whose daemon was upgraded", () => {
  it.each(["/", "/system", "/process/cam"])("says so at %s, and not before", async (route) => {
    const upgraded = daemon();
    show(upgraded, route);
    await waitFor(() => expect(upgraded.asked.some(({ path }) => path === "/ui/")).toBe(true));
    expect(screen.queryByRole("button", { name: "Reload" })).toBeNull();
    upgraded.on("GET /ui/", { body: page("./assets/index-BBBBBBBB.js"), headers: { "Content-Type": "text/html" } });
    upgraded.on("GET /api", about("2026-01-02T00:00:00Z"));
    const button = await screen.findByRole("button", { name: "Reload" });
    expect(button.closest(".banner")?.textContent).toContain("another version of this page");
    if (route === "/system") expect(screen.getByText(/^AAAAAAAA, which isn't/)).toBeTruthy();
  });

  it("isn't told by what is no page of ours", async () => {
    const behind = daemon();
    behind.on("GET /ui/", { body: "<h1>Sign in to the proxy</h1>", headers: { "Content-Type": "text/html" } });
    show(behind, "/system");
    await screen.findByText("AAAAAAAA");
    await waitFor(() => expect(behind.asked.some(({ path }) => path === "/ui/")).toBe(true));
    await act(async () => undefined);
    expect(screen.queryByRole("button", { name: "Reload" })).toBeNull();
  });
});
