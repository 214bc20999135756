// Answers what the Python kit is asked, too: one list of [function, arguments] in, one of answers out.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const kit = process.argv[2];
const load = (name) => import(`${kit}/${name}.js`);
const [geometry, rows, choices, request, form, failures, events] = await Promise.all(
  ["geometry", "pixel_rows", "choices", "edit_request", "panel_form", "failures", "edit_events"].map(load),
);

const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));
const text = (data) => Buffer.from(data).toString("base64");
const keep = async (data) => createHash("sha256").update(data).digest("hex");

function pictureOf({ data, ...more }) {
  const profile = more.profile ? bytes(more.profile) : null;
  return new request.Picture(bytes(data), { ...more, profile });
}

function shown(error) {
  const { name, message, code, fieldPath, fix, retryable, retrySeconds, status, reason } = error;
  return { name, message, code, fieldPath, fix, retryable, retrySeconds, status, reason };
}

const functions = {
  region: geometry.region,
  expansion: geometry.expansion,
  fitted: geometry.fitted,
  defaultFeather: geometry.defaultFeather,
  extended: (data, ...more) => text(rows.extended(bytes(data), ...more)),
  cut: (data, ...more) => text(rows.cut(bytes(data), ...more)),
  scaled: (data, ...more) => text(rows.scaled(bytes(data), ...more)),
  expansionMask: (...given) => text(rows.expansionMask(...given)),
  rectangleMask: (...given) => text(rows.rectangleMask(...given)),
  opaque: (data, kind) => text(rows.opaque(bytes(data), kind)),
  alphaBytes: (data, kind) => text(rows.alphaBytes(bytes(data), kind)),
  recipe: (recipe) => choices.toRecipe(choices.ofRecipe(recipe)),
  replay: (effective) => choices.toRecipe(choices.choicesOf(effective)),
  modes: form.modes,
  filled: (catalog, name, values, more) => {
    const chosen = form.choices(form.modes(catalog).find((mode) => mode.name === name), values, more);
    return { recipe: choices.toRecipe(chosen), mode: form.modeOf(chosen), values: form.valuesOf(chosen) };
  },
  sentence: (message) => form.sentence(new Error(message)),
  prepare: async (crop, picture, mask, selection, recipe) => {
    const more = { mask: mask && bytes(mask), selection, documentId: "d" };
    const snapshot = new request.Snapshot(crop, pictureOf(picture), more);
    const made = await request.prepare(snapshot, choices.ofRecipe(recipe), keep);
    return { ...made, clientJobId: made.clientJobId.length };
  },
  expand: async (plan, picture) => {
    const { crop, mask, picture: whole } = request.expansionSnapshot(plan, pictureOf(picture));
    return { crop, mask: text(mask), data: text(whole.data) };
  },
  errorOfAnswer: (error, status) => shown(failures.errorOfAnswer(error, status)),
  errorOfEvent: (event) => shown(failures.errorOfEvent(event)),
  progress: (sent) => {
    const bar = new events.ProgressBar();
    return sent.map((event) => bar.take(event));
  },
};

const answers = [];
for (const [name, given] of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    answers.push((await functions[name](...given)) ?? null);
  } catch (problem) {
    if (!(problem instanceof RangeError)) throw problem;
    answers.push({ wrong: problem.message });
  }
}
process.stdout.write(JSON.stringify(answers));
