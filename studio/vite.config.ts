/// <reference types="vitest/config" />
/** How the studio is built: into the Python package, with hashed names, nothing inline, and a zipped copy of each file. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

const SITE = "../imagequarry/studio/site";

/** The server sends the zipped copy to whoever takes it; it zips nothing itself. */
function zipped(): Plugin {
  return {
    name: "zipped",
    apply: "build",
    closeBundle() {
      for (const name of readdirSync(join(SITE, "assets"))) {
        const file = join(SITE, "assets", name);
        writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  base: "/studio/",
  plugins: [svelte(), zipped()],
  resolve: { alias: { $: join(import.meta.dirname, "src") } },
  build: {
    outDir: SITE,
    emptyOutDir: true,
    target: "es2022",
    // The content policy forbids what is inline, pictures in data: addresses apart.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What the licences of the libraries in it ask for; the Status page leads there.
    license: { fileName: "licences.txt" },
    // three.js is that large, and loaded only by whoever opens a model.
    chunkSizeWarningLimit: 700,
    // How long plugins took is no news on a busy machine.
    rolldownOptions: {
      checks: { pluginTimings: false },
      // What several pages use is one file, fetched beside the first one: a page is one more file, not a tail of small ones.
      output: { codeSplitting: { groups: [{ name: "shared", minShareCount: 2 }] } },
    },
  },
  server: {
    // For `npm run dev`: the pages from here, everything else from a server that runs.
    proxy: { "^/(?!studio/|@|node_modules/|src/)": { target: "http://127.0.0.1:8000", ws: true } },
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
