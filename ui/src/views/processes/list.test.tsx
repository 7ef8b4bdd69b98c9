/** The list, and what a person does with it. */
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import { FakeDaemon, process, show } from "@/testing/app";

describe("the list", () => {
  it("shows every process with a word for its state, and a failed one with its reason", async () => {
    const last = "rtsp://user:secret@camera/1: Connection timed out";
    show(new FakeDaemon([process("cam"), process("gate", { exec: "failed", last_logline: last })]));
    const row = await screen.findByRole("row", { name: /gate/ });
    expect(within(row).getByText(/failed/)).toBeTruthy();
    expect(within(row).getByText(/Connection timed out/).textContent).toContain("•••@camera");
    expect(within(row).getByRole("link", { name: "Log of gate" }).getAttribute("href")).toBe("#/process/gate/log");
    expect(screen.getByText("2 processes · 1 running · 1 failed")).toBeTruthy();
  });

  it("offers the test picture where there is nothing, and leads to it", async () => {
    const daemon = new FakeDaemon();
    daemon.on("POST /api/v3/process", (body) => ({ body }));
    show(daemon);
    await userEvent.click(await screen.findByRole("button", { name: "Try the test picture" }));
    await waitFor(() => expect(location.hash).toBe("#/process/test-picture/live"));
    expect(daemon.orders("POST")[0]?.body).toMatchObject({ webrtc: { enabled: true } });
  });

  it("keeps filter and order in the address", async () => {
    show(new FakeDaemon([process("cam"), process("gate", { exec: "failed" })]));
    await screen.findByRole("row", { name: /cam/ });
    await userEvent.type(screen.getByRole("searchbox"), "state:failed");
    expect(screen.queryByRole("row", { name: /cam/ })).toBeNull();
    expect(location.hash).toContain("filter=state%3Afailed");
    await userEvent.click(screen.getByRole("button", { name: "Sort by State" }));
    expect(location.hash).toContain("sort=state");
    await userEvent.type(screen.getByRole("searchbox"), "x");
    await userEvent.click(screen.getByRole("button", { name: "Clear the filter" }));
    expect(screen.getByRole("row", { name: /cam/ })).toBeTruthy();
  });

  it("shows an order at once, and takes it back when it is refused", async () => {
    const daemon = new FakeDaemon([process("cam")]);
    let refuse: (answer: { status: number; body: unknown }) => void = () => undefined;
    daemon.on("PUT /api/v3/process/cam/command", () => new Promise((done) => (refuse = done)) as never);
    show(daemon);
    await userEvent.click(await screen.findByRole("button", { name: "Stop cam" }));
    expect(await screen.findByText("stopping")).toBeTruthy();
    refuse({ status: 400, body: { message: "Command failed", details: ["busy"], reason: "" } });
    expect(await screen.findByText("running")).toBeTruthy();
    expect(await screen.findByText("cam: Stop failed. Command failed busy")).toBeTruthy();
  });

  it("keeps the last rows, dimmed, when the daemon refuses, with a way to try again", async () => {
    const daemon = new FakeDaemon([process("cam")]);
    show(daemon);
    await screen.findByRole("row", { name: /cam/ });
    daemon.on("GET /api/v3/process", { status: 400, body: { message: "Broken", details: [] } });
    expect(await screen.findByText(/Broken/)).toBeTruthy();
    expect(screen.getByRole("row", { name: /cam/ }).closest(".stale")).toBeTruthy();
    expect(screen.getByRole("button", { name: "Retry" })).toBeTruthy();
  });
});

describe("its menu", () => {
  it("goes by keyboard, gives focus back, and asks before it deletes", async () => {
    const daemon = new FakeDaemon([process("cam")]);
    daemon.on("DELETE /api/v3/process/cam", { body: "OK" });
    show(daemon);
    const button = await screen.findByRole("button", { name: "More for cam" });
    button.focus();
    await userEvent.keyboard("{ArrowDown}");
    expect(document.activeElement?.textContent).toBe("Restart");
    await userEvent.keyboard("{End}");
    expect(document.activeElement?.textContent).toBe("Delete…");
    await userEvent.keyboard("{Escape}");
    expect(document.activeElement).toBe(button);
    await userEvent.keyboard("{ArrowUp}{Enter}");
    const dialog = screen.getByRole("dialog", { name: "Delete cam?" });
    expect(within(dialog).getByRole("button", { name: "Cancel" })).toBeTruthy();
    expect(daemon.orders("DELETE")).toHaveLength(0);
    await userEvent.click(within(dialog).getByRole("button", { name: "Delete" }));
    await waitFor(() => expect(daemon.orders("DELETE")).toHaveLength(1));
  });
});

describe("signing in", () => {
  it("says what is wrong and keeps what was typed", async () => {
    const daemon = new FakeDaemon([], ["localjwt"]);
    daemon.on("POST /api/login", { status: 401 });
    show(daemon);
    await userEvent.type(await screen.findByLabelText("User"), "admin");
    await userEvent.type(screen.getByLabelText("Password"), "wrong{Enter}");
    expect(await screen.findByText("Wrong user or password.")).toBeTruthy();
    expect((screen.getByLabelText("Password") as HTMLInputElement).value).toBe("wrong");
    expect(document.activeElement).toBe(screen.getByLabelText("Password"));
  });

  it("waits as long as the daemon wants after too many tries", async () => {
    const daemon = new FakeDaemon([], ["localjwt"]);
    daemon.on("POST /api/login", { status: 429, headers: { "Retry-After": "30" } });
    show(daemon);
    await userEvent.type(await screen.findByLabelText("User"), "admin");
    await userEvent.type(screen.getByLabelText("Password"), "x{Enter}");
    expect(await screen.findByText(/Too many tries/)).toBeTruthy();
    expect((screen.getByRole("button", { name: "Sign in" }) as HTMLButtonElement).disabled).toBe(true);
  });

  it("isn't asked for where auth is off", async () => {
    vi.stubGlobal("scrollTo", () => undefined);
    show(new FakeDaemon([process("cam")]));
    expect(await screen.findByRole("row", { name: /cam/ })).toBeTruthy();
    vi.unstubAllGlobals();
  });
});
