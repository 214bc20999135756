// Writes allowed_globals.json: what a UXP script finds in its global scope. From Adobe's type packages
// and the language itself; see host_bridge/photoshop_plugin/package.json for the versions.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";

const here = dirname(fileURLToPath(import.meta.url));
const packages = join(here, "../../../host_bridge/photoshop_plugin/node_modules");
const types = readFileSync(join(packages, "@adobe/cc-ext-uxp-types/uxp/index.d.ts"), "utf8");
const named = types.matchAll(/^declare (?:class|function|var) (\w+)/gm);
// Of the language UXP has no shared memory; what Adobe's pages name and its types leave out is below.
const language = runInContext("Object.getOwnPropertyNames(globalThis)", createContext({}));
const without = ["SharedArrayBuffer", "Atomics", "WebAssembly"];
const documented = [
  ...["console", "setTimeout", "clearTimeout", "setInterval", "clearInterval"],
  ...["requestAnimationFrame", "cancelAnimationFrame", "customElements", "FormData", "Image"],
];
const found = [...language, ...Array.from(named, ([, name]) => name), ...documented];
const names = [...new Set(found)].filter((each) => !without.includes(each)).sort();
const into = process.argv[2] ?? join(here, "allowed_globals.json");
writeFileSync(into, `${JSON.stringify(names, null, 1)}\n`);
