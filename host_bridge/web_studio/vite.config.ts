import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { sourceDigest } from "./source_digest.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  base: "./",
  resolve: { alias: { "@kit": here("../javascript_kit") } },
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  plugins: [sourceDigest(here("."), here("../javascript_kit"))],
  build: {
    target: ["chrome123", "firefox128", "safari17.5"],
    outDir: here("../retouch_bridge/studio/dist"),
    emptyOutDir: true,
    // The page loads what it needs and nothing else: no inlined script, no preload helper.
    modulePreload: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rollupOptions: {
      output: {
        entryFileNames: "studio-[hash].js",
        chunkFileNames: "studio-[hash].js",
        assetFileNames: "studio-[hash][extname]",
      },
    },
  },
});
