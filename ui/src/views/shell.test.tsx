/** The frame around every screen: keys that work everywhere, and a daemon that doesn't answer. */
import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { FakeDaemon, process, show } from "@/testing/app";

const ROUTES = ["/", "/system", "/wall", "/process/cam", "/process/cam/config", "/process/cam/edit"];

function daemon(): FakeDaemon {
  const made = new FakeDaemon([process("cam")]);
  made.on("GET /api/v3/process/cam/report", { body: { created_at: 1, prelude: [], log: [], history: [] } });
  return made;
}

describe("keys", () => {
  it.each(ROUTES)("lead from %s to a new process, and back to the list", async (route) => {
    show(daemon(), route);
    await screen.findAllByRole("heading");
    await userEvent.keyboard("n");
    await waitFor(() => expect(location.hash).toBe("#/new"));
    await userEvent.keyboard("gl");
    await waitFor(() => expect(location.hash).toBe("#/"));
  });

  it.each(["/", "/process/cam/log", "/system"])("find the filter of %s, where they are letters then", async (route) => {
    show(daemon(), route);
    const filter = await screen.findByRole("searchbox");
    await userEvent.keyboard("/");
    expect(document.activeElement).toBe(filter);
    await userEvent.keyboard("n/?");
    expect((filter as HTMLInputElement).value).toBe("n/?");
  });
});

describe("a daemon that doesn't answer", () => {
  it("gets no orders, until it answers again", async () => {
    const gone = daemon();
    show(gone);
    const stop = await screen.findByRole("button", { name: "Stop cam" });
    gone.on("GET /api/v3/process", () => Promise.reject(new TypeError("Failed to fetch")));
    gone.on("GET /api/v3/events", () => Promise.reject(new TypeError("Failed to fetch")));
    gone.on("GET /api", () => Promise.reject(new TypeError("Failed to fetch")));
    await screen.findByText(/No answer from the daemon/);
    expect((stop as HTMLButtonElement).disabled).toBe(true);
    gone.on("GET /api/v3/process", { body: [process("cam")] });
    await waitFor(() => expect((stop as HTMLButtonElement).disabled).toBe(false));
  });

  it("is waited for before there is anything to show", async () => {
    const late = daemon();
    late.on("GET /api", () => Promise.reject(new TypeError("Failed to fetch")));
    show(late);
    expect(await screen.findByText("Waiting for the daemon at localhost")).toBeTruthy();
    late.on("GET /api", { body: { app: "datarhei-core", auths: [], version: { number: "16.16.0" } } });
    expect(await screen.findByRole("row", { name: /cam/ })).toBeTruthy();
  });

  it("leaves a list that loads as rows without words", async () => {
    const slow = daemon();
    slow.on("GET /api/v3/process", () => new Promise<never>(() => undefined));
    show(slow);
    expect(await screen.findByRole("status", { name: "Loading" })).toBeTruthy();
  });
});
