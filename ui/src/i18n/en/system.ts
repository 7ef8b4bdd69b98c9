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
    page: "This page",
    isOld: (build: string) => `${build}, which isn't the daemon's any more`,
    cpu: "CPU",
    memory: "Memory",
    cpuUsed: (own: string, machine: string) => `${own}, with all else on the machine ${machine}`,
    memoryUsed: (own: string, used: string, total: string) => `${own}, with all else on the machine ${used} of ${total}`,
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
