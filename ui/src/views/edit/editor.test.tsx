/** The editor: rows, mistakes in their place, two faces of one config, nothing lost. */
import { fireEvent, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { en } from "@/i18n/en";
import { FakeDaemon, process, show } from "@/testing/app";
import { NEW, configOf, draftOf, placed, readJson, reduce } from "@/views/edit/model";
import { verdict } from "@/views/edit/verdict";

const say = en.editor;
const stream = (more: object) => ({
  index: 0, stream: 0, type: "video", codec: "h264", profile: "High", pix_fmt: "yuv420p", width: 1280, height: 720, fps: 25,
  sampling_hz: 0, channels: 0, layout: "", has_b_frames: false, keyframe_interval_seconds: 1, ...more,
});
const sound = (more: object) => stream({ type: "audio", codec: "aac", channels: 2, ...more });

describe("the draft", () => {
  it("adds, moves and removes rows", () => {
    let draft = draftOf(NEW);
    draft = reduce(draft, { type: "add", side: "input" });
    draft = reduce(draft, { type: "row", side: "input", at: 1, values: { address: "b", options: "-re" } });
    draft = reduce(draft, { type: "row", side: "input", at: 0, values: { address: "a" } });
    draft = reduce(draft, { type: "move", side: "input", at: 1, by: -1 });
    expect(configOf(draft, say).config.input.map((one) => [one.address, one.options])).toEqual([["b", ["-re"]], ["a", []]]);
    draft = reduce(draft, { type: "remove", side: "input", at: 0 });
    expect(configOf(draft, say).config.input.map((one) => one.address)).toEqual(["a"]);
  });

  it("names each mistake by its field", () => {
    let draft = draftOf(NEW);
    draft = reduce(draft, { type: "row", side: "output", at: 0, values: { options: "-f 'null" } });
    draft = reduce(draft, { type: "options", text: '"' });
    const { errors } = configOf(draft, say);
    expect(Object.keys(errors).sort()).toEqual(["input.0.address", "options", "output.0.options"]);
    expect(errors["output.0.options"]).toContain("character 4");
  });

  it("keeps members that it doesn't know, through form and JSON", () => {
    const text = JSON.stringify({
      ...NEW, tomorrow: { a: 1 },
      input: [{ id: "x", address: "a", options: [], color: "red" }],
      webrtc: { enabled: true, vp8: "off" },
    });
    const { config } = configOf(draftOf(readJson(text)), say);
    expect(config["tomorrow"]).toEqual({ a: 1 });
    expect(config.input[0]).toMatchObject({ id: "x", color: "red" });
    expect(config.webrtc).toMatchObject({ enabled: true, vp8: "off", video_pt: 102 });
    expect(() => readJson("[]")).toThrow(SyntaxError);
    expect(() => readJson("{")).toThrow(SyntaxError);
  });

  it("lays the daemon's details on the fields that they name", () => {
    const found = placed(["input.0.address: Field required", "webrtc.video_pt: too small", "no such codec"], "invalid-json", "Invalid JSON");
    expect(found.errors).toEqual({ "input.0.address": "Field required", "webrtc.video_pt": "too small" });
    expect(found.rest).toEqual(["no such codec"]);
    expect(placed(["input.0.cleanup.0.pattern: too long"], "", "Invalid")).toEqual({ errors: {}, rest: ["Invalid", "input.0.cleanup.0.pattern: too long"] });
    expect(placed(["process already exists"], "conflict", "Invalid").errors).toEqual({ id: "process already exists" });
    expect(placed([], "", "Nothing helps").rest).toEqual(["Nothing helps"]);
  });
});

describe("the verdict", () => {
  it.each([
    [stream({}), "copy", false],
    [stream({ has_b_frames: true }), "encode", true],
    [stream({ codec: "hevc", profile: "Main" }), "encode", true],
    [stream({ pix_fmt: "yuv444p" }), "encode", true],
    [stream({ pix_fmt: "yuv420p10le", profile: "High 10" }), "encode", true],
    [stream({ keyframe_interval_seconds: 10 }), "copy", true],
    [sound({}), "none", true],
  ])("%o: %s", (given, action, isWarning) => {
    expect(verdict({ streams: [given], log: [] }, false, en)[0]).toMatchObject({ action, isWarning });
  });

  it("does as told when everything shall be encoded", () => {
    expect(verdict({ streams: [stream({})], log: [] }, true, en)[0]).toMatchObject({ action: "encode", isWarning: false });
  });

  it.each([[sound({}), "encode"], [sound({ codec: "opus" }), "copy"], [sound({ codec: "opus", channels: 6 }), "encode"]])("sound %o: %s", (given, action) => {
    expect(verdict({ streams: [given], log: [] }, false, en)[1]).toMatchObject({ action });
  });
});

describe("the screen", () => {
  it("shows the daemon's refusal at its field and goes there", async () => {
    const daemon = new FakeDaemon();
    daemon.on("POST /api/v3/process", { status: 400, body: { message: "Invalid process config", details: ["process already exists"], reason: "conflict" } });
    show(daemon, "/new");
    await userEvent.type(await screen.findByLabelText("Name (ID)"), "cam");
    await userEvent.type(screen.getByLabelText("Input 1: Address"), "rtsp://x");
    await userEvent.click(screen.getByRole("button", { name: "Save" }));
    expect(await screen.findByText("process already exists")).toBeTruthy();
    await waitFor(() => expect(document.activeElement).toBe(screen.getByLabelText("Name (ID)")));
  });

  it("opens the fold that a refused field is in", async () => {
    const daemon = new FakeDaemon();
    daemon.on("POST /api/v3/process", { status: 400, body: { message: "Invalid", details: ["webrtc.video_pt: equals webrtc.audio_pt"] } });
    show(daemon, "/new");
    await userEvent.type(await screen.findByLabelText("Input 1: Address"), "rtsp://x");
    const field = screen.getByLabelText("Payload type of video");
    expect(field.closest("details")?.open).toBe(false);
    await userEvent.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(document.activeElement).toBe(field));
    expect(field.closest("details")?.open).toBe(true);
  });

  it("sends what viewers get: no VP8, and a still at first", async () => {
    const daemon = new FakeDaemon([process("cam", {}, { webrtc: { enabled: true, video_pt: 102, audio_pt: 111, force_transcode: false } })]);
    daemon.on("PUT /api/v3/process/cam", (body) => ({ body }));
    show(daemon, "/process/cam/edit");
    const vp8 = (await screen.findByLabelText("Serve browsers without H.264")) as HTMLInputElement;
    expect(vp8.checked).toBe(true);
    await userEvent.click(vp8);
    await userEvent.selectOptions(screen.getByLabelText("Who joins sees at once"), "keyframe");
    await userEvent.click(screen.getByRole("button", { name: "Save and restart" }));
    await waitFor(() => expect(daemon.orders("PUT")).toHaveLength(1));
    expect(daemon.orders("PUT")[0]?.body).toMatchObject({ webrtc: { enabled: true, vp8: "off", instant_start: "keyframe", video_pt: 102 } });
  });

  it("asks before it lets what was typed go", async () => {
    show(new FakeDaemon([process("cam")]), "/process/cam/edit");
    await userEvent.type(await screen.findByLabelText("Reference"), "x");
    await userEvent.click(screen.getByRole("button", { name: "Cancel" }));
    expect(await screen.findByRole("dialog", { name: "Leave without saving?" })).toBeTruthy();
    await userEvent.click(screen.getByRole("button", { name: "Stay" }));
    expect(location.hash).toBe("#/process/cam/edit");
    await userEvent.click(screen.getByRole("button", { name: "Cancel" }));
    await userEvent.click(await screen.findByRole("button", { name: "Leave" }));
    expect(location.hash).toBe("#/process/cam");
  });

  it("doesn't save over what somebody else changed without asking", async () => {
    const daemon = new FakeDaemon([process("cam")]);
    daemon.on("PUT /api/v3/process/cam", (body) => ({ body }));
    show(daemon, "/process/cam/edit");
    await userEvent.type(await screen.findByLabelText("Reference"), "x");
    daemon.on("GET /api/v3/process/cam", { body: { ...process("cam", {}, { reference: "theirs" }), updated_at: 2 } });
    await userEvent.click(screen.getByRole("button", { name: "Save and restart" }));
    expect(await screen.findByText("Somebody else changed this process")).toBeTruthy();
    expect(daemon.orders("PUT")).toHaveLength(0);
    expect(screen.getByLabelText("Changes").textContent).toMatch(/− +"reference": "theirs",\n\+ +"reference": "x",/);
    await userEvent.click(screen.getByRole("button", { name: "Save over it" }));
    await waitFor(() => expect(daemon.orders("PUT")).toHaveLength(1));
  });

  it("loses nothing of it when that question is put away", async () => {
    const daemon = new FakeDaemon([process("cam")]);
    show(daemon, "/process/cam/edit");
    await userEvent.type(await screen.findByLabelText("Reference"), "mine");
    daemon.on("GET /api/v3/process/cam", { body: { ...process("cam", {}, { reference: "theirs" }), updated_at: 2 } });
    await userEvent.click(screen.getByRole("button", { name: "Save and restart" }));
    const dialog = await screen.findByRole("dialog", { name: "Somebody else changed this process" });
    fireEvent(dialog, new Event("cancel", { cancelable: true })); // Escape
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect((screen.getByLabelText("Reference") as HTMLInputElement).value).toBe("mine");
    await userEvent.click(screen.getByRole("button", { name: "Save and restart" }));
    await userEvent.click(await screen.findByRole("button", { name: "Take theirs" }));
    await waitFor(() => expect((screen.getByLabelText("Reference") as HTMLInputElement).value).toBe("theirs"));
  });

  it("shows what was changed in the JSON before it is saved", async () => {
    show(new FakeDaemon([process("cam")]), "/process/cam/edit?mode=json");
    const text = await screen.findByRole<HTMLTextAreaElement>("textbox", { name: "JSON" });
    expect(screen.queryByText("Changes")).toBeNull();
    fireEvent.change(text, { target: { value: text.value.replace('"autostart": true', '"autostart": false') } });
    await userEvent.click(screen.getByText("Changes"));
    const shown = await screen.findByLabelText("Changes");
    expect([...shown.querySelectorAll("del")].map((one) => one.textContent)).toEqual(['−   "autostart": true,\n']);
    expect([...shown.querySelectorAll("ins")].map((one) => one.textContent)).toEqual(['+   "autostart": false,\n']);
  });
});
