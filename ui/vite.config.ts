/** Build, dev server and unit tests. The bundle is relative, so that it works under any prefix. */
import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const DAEMON = process.env["DRAGONCTL_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "./",
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  server: {
    host: "127.0.0.1",
    // the page is at /ui/ there, so that ../api/ is the daemon's
    proxy: { "/api": DAEMON, "/ping": DAEMON },
  },
  build: {
    outDir: process.env["DRAGONCTL_UI_OUT"] ?? "../daemon/_ui",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // the policy of the page allows no data: scripts or styles
    chunkSizeWarningLimit: 400,
  },
  test: {
    environment: "jsdom",
    reporters: ["dot"],
    environmentOptions: { jsdom: { url: "http://localhost/ui/" } },
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/testing/setup.ts"],
    testTimeout: 60_000, // no busy machine decides a test
    restoreMocks: true,
    pool: "threads",
    maxWorkers: 2,
  },
});
