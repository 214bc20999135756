// Drives one Chromium for tests: a JSON command a line on standard input, its answer on standard output.
import { createRequire } from "node:module";

import { answerCommands } from "../answering_commands.mjs";

const [playwright, chromium, profile] = process.argv.slice(2);
const { chromium: launcher } = createRequire(import.meta.url)(playwright);
const browser = await launcher.launchPersistentContext(profile, {
  executablePath: chromium,
  acceptDownloads: true,
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});
const pages = new Map();
const said = [];
const asked = [];

function watched(page) {
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && said.push(message.text()));
  page.on("pageerror", (problem) => said.push(String(problem)));
  page.on("request", (request) => asked.push(request.url()));
  return page;
}

const at = ({ page = "main" }) => pages.get(page);
const COMMANDS = {
  async open({ page = "main", url, width = 1280, height = 800, scheme = "light", motion = "no-preference" }) {
    await pages.get(page)?.close();
    pages.set(page, watched(await browser.newPage()));
    await at({ page }).setViewportSize({ width, height });
    await at({ page }).emulateMedia({ colorScheme: scheme, reducedMotion: motion });
    await at({ page }).goto(url);
  },
  close: async (given) => (await at(given).close(), pages.delete(given.page ?? "main")),
  reload: (given) => at(given).reload(),
  click: (given) => at(given).click(given.selector, { timeout: given.timeout ?? 8000, force: given.force ?? false }),
  fill: (given) => at(given).fill(given.selector, given.text, { timeout: 8000 }),
  select: (given) => at(given).selectOption(given.selector, given.value),
  press: (given) => at(given).keyboard.press(given.keys),
  down: (given) => at(given).keyboard.down(given.keys),
  up: (given) => at(given).keyboard.up(given.keys),
  evaluate: (given) => at(given).evaluate(`(${given.script})(${JSON.stringify(given.value ?? null)})`),
  // The page's policy lets nothing be evaluated in it: what is waited for is asked again and again.
  async wait({ script, value = null, timeout = 30000, ...given }) {
    const ends = Date.now() + timeout;
    while (!(await COMMANDS.evaluate({ ...given, script, value }))) {
      if (Date.now() > ends) throw new Error(`not so after ${timeout} ms: ${script}`);
      await new Promise((wake) => setTimeout(wake, 50));
    }
  },
  see: (given) => at(given).waitForSelector(given.selector, { timeout: given.timeout ?? 30000 }).then(() => null),
  files: (given) => at(given).setInputFiles(given.selector, given.files),
  screenshot: (given) => at(given).screenshot({ path: given.path, animations: "disabled" }),
  async choose({ selector, files, ...given }) {
    const [chooser] = await Promise.all([at(given).waitForEvent("filechooser"), at(given).click(selector)]);
    await chooser.setFiles(files);
  },
  async drag({ points, button = "left", ...given }) {
    const { mouse } = at(given);
    await mouse.move(...points[0]);
    await mouse.down({ button });
    for (const point of points.slice(1)) await mouse.move(...point, { steps: 5 });
    await mouse.up({ button });
  },
  async wheel({ x, y, dx = 0, dy = 0, ...given }) {
    await at(given).mouse.move(x, y);
    await at(given).mouse.wheel(dx, dy);
  },
  async download({ selector, path, ...given }) {
    const [file] = await Promise.all([at(given).waitForEvent("download"), at(given).click(selector)]);
    await file.saveAs(path);
    return file.suggestedFilename();
  },
  // Several files of one click; returns their paths.
  async downloads({ selector, count, folder, ...given }) {
    const files = [];
    const keep = (file) => files.push(file);
    at(given).on("download", keep);
    try {
      await at(given).click(selector);
      const ends = Date.now() + 30000;
      while (files.length < count) {
        if (Date.now() > ends) throw new Error(`${files.length} files instead of ${count}`);
        await new Promise((wake) => setTimeout(wake, 50));
      }
    } finally {
      at(given).off("download", keep);
    }
    const paths = files.map((file) => `${folder}/${file.suggestedFilename()}`);
    await Promise.all(files.map((file, number) => file.saveAs(paths[number])));
    return paths;
  },
  // Fingers: each step is where all of them are.
  async touch({ steps, ...given }) {
    const session = await browser.newCDPSession(at(given));
    const send = (type, fingers) =>
      session.send("Input.dispatchTouchEvent", { type, touchPoints: fingers.map(([x, y], id) => ({ x, y, id })) });
    await send("touchStart", steps[0].slice(0, 1));
    if (steps[0].length > 1) await send("touchStart", steps[0]);
    for (const step of steps.slice(1)) await send("touchMove", step);
    await send("touchEnd", []);
    await session.detach();
  },
  said: () => said.splice(0),
  asked: () => asked.splice(0),
  quit: () => browser.close(),
};

await answerCommands(COMMANDS);
