/** English: the System screen. */
import { plural } from "@/lib/format";

export const system = {
  system: {
    title: "System",
    daemon: "Daemon",
    version: "Version",
    api: "API",
    uptime: "Uptime",
    name: "Name",
    runtime: "Runs on",
    webrtc: "WebRTC",
    state: "State",
    addresses: "Viewers are told",
    viewers: "Viewers now, and ever",
    segmentation: "UDP segmentation offload",
    counters: "Dropped packets, by reason",
    noCounters: "nothing was dropped",
    ffmpeg: "FFmpeg",
    reload: "Ask FFmpeg again",
    search: "Search codecs, formats, protocols",
    found: plural("match", "matches"),
    log: "Daemon log",
  },
};
