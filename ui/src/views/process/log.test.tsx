/** The log: it follows until somebody reads, filters, goes back to earlier runs, and shows no secret. */
import { fireEvent, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Report } from "@/api/types";
import { FakeDaemon, process, show } from "@/testing/app";
import { level } from "@/views/process/LogTab";

const LINE = 20; // pixels
const BOX = 100;
const REPORT = "GET /api/v3/process/cam/report";

beforeEach(() => {
  // jsdom has no layout: as many lines as are there, in a box that shows five
  vi.spyOn(HTMLElement.prototype, "scrollHeight", "get").mockImplementation(function (this: HTMLElement) {
    return this.querySelectorAll(".log-line").length * LINE;
  });
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(BOX);
});

function report(lines: string[], more: Partial<Report> = {}): Report {
  return { created_at: 1_000, prelude: ["ffmpeg version 5.1"], log: lines.map((text, at) => [String(1_000 + at), text]), history: [], ...more };
}

function open(given: Report): FakeDaemon {
  const daemon = new FakeDaemon([process("cam")]);
  daemon.on(REPORT, { body: given });
  show(daemon, "/process/cam/log");
  return daemon;
}

const numbered = (count: number) => Array.from({ length: count }, (_, at) => `line ${at + 1}`);
const shown = () => [...document.querySelectorAll(".log-line")].map((one) => one.textContent?.replace(/^\S+ /, "").replace(/^[AP]M /, ""));

describe("the log", () => {
  it("follows its end until somebody scrolls up, and again when told to", async () => {
    const daemon = open(report(numbered(10)));
    const box = await screen.findByRole("log");
    expect(box.scrollTop).toBe(10 * LINE);
    daemon.on(REPORT, { body: report(numbered(12)) });
    await screen.findByText(/line 12/);
    expect(box.scrollTop).toBe(12 * LINE);
    box.scrollTop = 0;
    fireEvent.scroll(box);
    daemon.on(REPORT, { body: report(numbered(15)) });
    const button = await screen.findByRole("button", { name: "3 new lines ↓" });
    expect(box.scrollTop).toBe(0);
    await userEvent.click(button);
    expect(box.scrollTop).toBe(15 * LINE);
    expect(screen.queryByRole("button", { name: /new line/ })).toBeNull();
  });

  it("follows again when somebody scrolls back to the end", async () => {
    open(report(numbered(10)));
    const box = await screen.findByRole("log");
    box.scrollTop = 0;
    fireEvent.scroll(box);
    box.scrollTop = 10 * LINE - BOX;
    fireEvent.scroll(box);
    await waitFor(() => expect(box.scrollTop).toBe(10 * LINE));
  });

  it("shows what matches, and says when nothing does", async () => {
    open(report(["Opening rtsp://camera", "Connection refused", "frame=1"]));
    await screen.findByText(/frame=1/);
    await userEvent.type(screen.getByRole("searchbox", { name: "Filter lines" }), "REFUSED");
    expect(shown()).toEqual(["Connection refused"]);
    await userEvent.type(screen.getByRole("searchbox", { name: "Filter lines" }), "x");
    expect(screen.getByText("Nothing matches the filter")).toBeTruthy();
  });

  it("keeps to the last two thousand lines", async () => {
    open(report(numbered(2_500)));
    await screen.findByText(/line 2500/);
    expect(shown()).toHaveLength(2_000);
    expect(shown()[0]).toBe("line 501");
  });

  it("shows earlier runs", async () => {
    open(report(["now"], { history: [{ created_at: 500, prelude: [], log: [["500", "then"]] }] }));
    await screen.findByText(/now/);
    await userEvent.selectOptions(screen.getByLabelText("Run"), "500");
    expect(shown()).toEqual(["then"]);
  });

  it("masks what is secret", async () => {
    open(report(["Opening rtsp://user:secret@camera/1"]));
    expect((await screen.findByRole("log")).textContent).toContain("camera/1");
    expect(document.body.textContent).not.toContain("secret");
  });

  it("tells errors and warnings by word", () => {
    expect(level("Connection refused")).toBe("error");
    expect(level("Non-monotonous DTS")).toBe("warning");
    expect(level("Stream mapping:")).toBe("info");
  });
});
