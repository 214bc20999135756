import { createHash } from "node:crypto";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { Plugin } from "vite";

const LEFT_OUT = new Set(["node_modules", ".vite"]);

/**
 * Writes `built-from.json` into the bundle: the SHA-256 of every source file that it was built from,
 * so that a test can tell a stale bundle without building it again.
 */
export function sourceDigest(studio: string, kit: string): Plugin {
  return {
    name: "retouch-source-digest",
    generateBundle(_options, bundle) {
      const files = new Map<string, string>();
      for (const path of filesBelow(studio))
        files.set(name("web_studio", studio, path), digest(path));
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk") continue;
        for (const id of chunk.moduleIds) {
          if (id.startsWith(kit)) files.set(name("javascript_kit", kit, id), digest(id));
        }
      }
      const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1));
      this.emitFile({
        type: "asset",
        fileName: "built-from.json",
        source: `${JSON.stringify({ sources: Object.fromEntries(sorted) }, null, 1)}\n`,
      });
    },
  };
}

function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder)) {
    if (LEFT_OUT.has(entry)) continue;
    const path = join(folder, entry);
    if (statSync(path).isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

function digest(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

function name(room: string, folder: string, path: string): string {
  return `${room}/${relative(folder, path).split(sep).join("/")}`;
}
