// Runs the JavaScript kit: JSON lines in and out, as kit_driver.py does.
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

const kit = process.argv[2];
const load = (name) => import(`${kit}/${name}.js`);
const { Retouch, RetouchError } = await load("client");
const { Picture, Snapshot, choicesOf, ofRecipe, toRecipe } = await load("edit_request");
const { EditTask } = await load("edit_task");
const { rect } = await load("geometry");
const { sentence } = await load("panel_form");

const tasks = new Map();
const say = (found) => process.stdout.write(`${JSON.stringify(found)}\n`);
const read = (path) => (path ? new Uint8Array(readFileSync(path)) : null);
const listed = ({ x, y, width, height }) => [x, y, width, height];

function error(problem) {
  if (!problem) return null;
  const { code = "", fieldPath = "", stage = "" } = problem;
  return { kind: problem.name, message: sentence(problem), code, field: fieldPath, stage };
}

function written(data, folder) {
  const path = `${folder}/${randomUUID()}`;
  writeFileSync(path, data);
  return path;
}

function shown({ data, width, height, channelOrder, sampleType, profile }, folder) {
  const icc = profile ? written(profile, folder) : "";
  return { path: written(data, folder), width, height, order: channelOrder, type: sampleType, profile: icc };
}

function edit(retouch, { name, folder, crop, picture, mask, recipe, every = 0, side = 256, document = "" }) {
  const { width, height, order: channelOrder, type: sampleType } = picture;
  const form = { width, height, channelOrder, sampleType, profile: read(picture.profile) };
  const held = new Picture(read(picture.path), form);
  const snapshot = new Snapshot(rect(...crop), held, { mask: read(mask), documentId: document });
  const chosen = { ...ofRecipe(recipe), previewEvery: every, previewSide: side };
  const told = {
    onProgress: (progress) => say({ task: name, progress }),
    onPreview: ({ variant, bounds, picture: small }) =>
      say({ task: name, preview: { variant, bounds: listed(bounds), ...shown(small, folder) } }),
    onResult: ({ variant, bounds, seed, mask: soft, effective, receipt, picture: patch }) => {
      const about = { variant, bounds: listed(bounds), seed, mask: written(soft, folder) };
      const record = receipt ? JSON.parse(receipt).record : "";
      const more = { recipe: toRecipe(choicesOf(effective)), receipt: record };
      say({ task: name, result: { ...about, ...more, ...shown(patch, folder) } });
    },
    onEnd: ({ state, results, jobId, error: problem }) =>
      say({ task: name, end: { state, results, job: jobId, error: error(problem) } }),
  };
  tasks.set(name, new EditTask(retouch, snapshot, chosen, told).start());
  return {};
}

async function answer(retouch, { do: kind, ...asked }) {
  if (kind === "edit") return edit(retouch, asked);
  if (kind === "cancel") {
    tasks.get(asked.name).cancel();
    return {};
  }
  if (kind === "put") return { sha256: await retouch.patiently(() => retouch.put(read(asked.path))) };
  if (kind === "get") return { path: written(await retouch.get(asked.sha256), asked.folder) };
  return { answer: await retouch.call(asked.method, asked.message) };
}

let retouch = null;
for await (const line of createInterface({ input: process.stdin })) {
  const { id, ...asked } = JSON.parse(line);
  let found;
  try {
    if (asked.do === "connect") {
      const { address, token, client_name: name, timeout, give_up: giveUp } = asked;
      retouch = new Retouch(address, token, name, { timeout, giveUp });
      found = await retouch.hello();
    } else found = await answer(retouch, asked);
  } catch (problem) {
    if (!(problem instanceof RetouchError || problem instanceof RangeError)) throw problem;
    found = { error: error(problem) };
  }
  say({ id, ...found });
}
process.exit(0);
