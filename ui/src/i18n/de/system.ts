/** German: the System screen. */
import type { Dict } from "@/i18n/en";
import { plural } from "@/lib/format";

export const system: Pick<Dict, "system"> = {
  system: {
    title: "System",
    daemon: "Daemon",
    version: "Version",
    api: "API",
    uptime: "Läuft seit",
    name: "Name",
    runtime: "Umgebung",
    page: "Diese Seite",
    isOld: (build) => `${build}, nicht mehr die des Daemons`,
    cpu: "CPU",
    memory: "Speicher",
    cpuUsed: (own, machine) => `${own}, mit allem anderen auf dem Rechner ${machine}`,
    memoryUsed: (own, used, total) => `${own}, mit allem anderen auf dem Rechner ${used} von ${total}`,
    webrtc: "WebRTC",
    state: "Zustand",
    addresses: "Zuschauern genannt",
    viewers: "Zuschauer jetzt, und insgesamt",
    segmentation: "UDP-Segmentierung im Kern",
    counters: "Verworfene Pakete, nach Grund",
    noCounters: "nichts wurde verworfen",
    ffmpeg: "FFmpeg",
    reload: "FFmpeg neu befragen",
    search: "Codecs, Formate, Protokolle suchen",
    found: plural("Treffer", "Treffer"),
    log: "Protokoll des Daemons",
  },
};
