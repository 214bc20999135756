// Drives one Chromium that stands in for Photoshop's panel: a JSON command a line on standard input,
// its answer on standard output.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { answerCommands } from "../answering_commands.mjs";

const [playwright, chromium, profile] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const allowed = JSON.parse(readFileSync(join(here, "allowed_globals.json"), "utf8"));
const shim = readdirSync(join(here, "shim"))
  .filter((each) => each.endsWith(".js"))
  .sort()
  .map((each) => readFileSync(join(here, "shim", each), "utf8"))
  .join("\n");
const KINDS = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };
/** No address of the network: what is asked there comes from the plugin's folder. */
const HOME = "http://plugin.invalid";

const { chromium: launcher } = createRequire(import.meta.url)(playwright);
const browser = await launcher.launchPersistentContext(profile, {
  executablePath: chromium,
  deviceScaleFactor: 2,
  args: [
    ...["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"],
    ...["--disable-background-networking", "--disable-component-update"],
    // Chromium's own question to the person; its rules for other origins stay, so pairing is needed
    "--disable-features=LocalNetworkAccessChecks",
  ],
});
const said = [];
let page = null;

/** Open the plugin in a folder as UXP would. */
async function open({ folder, width = 300, height = 900, theme = "darkest" }) {
  await page?.close();
  page = await browser.newPage();
  page.on("pageerror", (problem) => said.push(String(problem.stack ?? problem)));
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme: theme.startsWith("dark") ? "dark" : "light" });
  await page.route(`${HOME}/**`, (route) => {
    const path = new URL(route.request().url()).pathname;
    const body = readFileSync(join(folder, path));
    return route.fulfill({ body, contentType: KINDS[extname(path)] ?? "image/png" });
  });
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  const given = { manifest, allowed, scene: { files: [], conversions: [] } };
  const begin = `globalThis.__shim = ${JSON.stringify(given)};`;
  await page.addInitScript(`${begin}(function () {\n${shim}\n})();`);
  await page.goto(`${HOME}/${manifest.main}`);
  await page.addStyleTag({ content: readFileSync(join(here, `themes/${theme}.css`), "utf8") });
}

const COMMANDS = {
  open,
  click: ({ selector, timeout = 8000 }) => page.click(selector, { timeout }),
  fill: ({ selector, text }) => page.fill(selector, text, { timeout: 8000 }),
  select: ({ selector, label }) => page.selectOption(selector, { label }, { timeout: 8000 }),
  press: ({ keys }) => page.keyboard.press(keys),
  see: ({ selector, timeout = 30000 }) =>
    page.waitForSelector(selector, { timeout }).then(() => null),
  evaluate: ({ script, value = null }) => page.evaluate(`(${script})(${JSON.stringify(value)})`),
  async wait({ script, value = null, timeout = 30000 }) {
    const ends = Date.now() + timeout;
    while (!(await COMMANDS.evaluate({ script, value }))) {
      if (Date.now() > ends) throw new Error(`not so after ${timeout} ms: ${script}`);
      await new Promise((wake) => setTimeout(wake, 40));
    }
  },
  size: ({ width, height }) => page.setViewportSize({ width, height }),
  screenshot: ({ path }) => page.screenshot({ path, animations: "disabled" }),
  shut: async () => (await page?.close(), (page = null)),
  said: () => said.splice(0),
  quit: () => browser.close(),
};

await answerCommands(COMMANDS);
