// Makes plugin/panel.js, the one script that UXP loads, and says from which files it was made.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const folder = process.argv[2] ?? join(here, "plugin");
const made = await build({
  absWorkingDir: here,
  entryPoints: ["src/main.ts"],
  outfile: join(folder, "panel.js"),
  alias: { "@kit": join(here, "../javascript_kit") },
  bundle: true,
  format: "iife",
  // UXP has no ES modules, and Photoshop 24.4 an engine of 2022.
  target: "es2021",
  external: ["photoshop", "uxp"],
  charset: "utf8",
  legalComments: "none",
  metafile: true,
});
const digest = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");
const sources = {};
for (const input of Object.keys(made.metafile.inputs).sort()) {
  const path = join(here, input);
  sources[relative(dirname(here), path).split(sep).join("/")] = digest(path);
}
writeFileSync(join(folder, "built-from.json"), `${JSON.stringify({ sources }, null, 1)}\n`);
