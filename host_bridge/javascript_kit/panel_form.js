/**
 * A panel from the catalogue: modes that people know, and the fields of every operation. The twin
 * of `panel_form.py`; a host draws field by field and gives the values back by key.
 */

import { described, editFields, modelsOfKind, operationFields, sideFields } from "./form_fields.js";
import { filled } from "./form_values.js";

export { nativeSize, operationFields } from "./form_fields.js";
export { valuesOf } from "./form_values.js";

const mode = (name, title, operations, needs, help, prompt = "Prompt") => ({
  name, title, operations, needs, help, prompt,
});
const MODES = [
  mode("fill", "Fill selection", ["soft_mask"], ["selection"],
    "Fills the selection with what the prompt says, in the style around it."),
  mode("expand", "Expand canvas", ["soft_mask"], ["sides"],
    "Makes the canvas larger and paints what may lie beyond its edges."),
  mode("restyle", "Restyle", ["sdedit"], [],
    "Paints the layer again as the prompt says; strength says how freely."),
  mode("instruct", "Instruct", ["instruct_pix2pix"], [],
    "Does what you tell it: \u201cmake it night\u201d.", "Instruction"),
  mode("swap", "Swap a word", ["prompt_to_prompt"], [],
    "Changes what differs between two descriptions and keeps the picture.",
    "What it shall show"),
  mode("reference", "Reference picture", ["ip_adapter", "sdedit"], ["picture"],
    "Paints the layer again after the look of other pictures."),
  mode("control", "Control picture", ["t2i_adapter"], ["picture"],
    "Paints something new along the edges, drawing, colours or depth of a picture."),
];
const COMBINE = mode("combine", "Combine", [], [],
  "Any operations together, with all their choices.");
/** Operations that suit every mode; they run where one of their fields is given. */
const OPTIONAL = ["guidance", "best_of"];
const MODELS = {
  ip_adapter: ["IP_ADAPTER", "IP-Adapter"], t2i_adapter: ["T2I_ADAPTER", "T2I-Adapter"],
};

/**
 * Return the modes of a catalogue, in the order of the panel: {name, title, help, operations,
 * needs, fields, missing, optional}. `needs` has "selection", "sides", "picture"; `missing` says in
 * one sentence why a mode cannot be used here, and is empty where it can.
 */
export function modes(catalog) {
  const operations = (catalog.operations ?? []).map((each) => each.name);
  return [...MODES, { ...COMBINE, operations }].map((known) => describedMode(catalog, known));
}

/**
 * Return the choices of a filled form. Throws RangeError: one sentence naming the field.
 *
 * @param {object} chosen the mode.
 * @param {object} values by field key; missing or null = default.
 * @param {object} more `operations`: of "combine", the chosen ones; `selected`: whether there is a
 *   selection, outside of which everything then stays as it is at every step (soft_mask).
 */
export function choices(chosen, values, { operations = null, selected = false } = {}) {
  let run = [...(operations ?? chosen.operations)];
  if (chosen.name === "combine" && !operations) run = run.filter((name) => isGiven(name, values));
  if (selected && !run.includes("soft_mask")) run.push("soft_mask");
  if (!run.length) throw new RangeError("No operation is chosen. Fix: choose at least one.");
  return filled(chosen.fields, run, values, chosen.optional);
}

/** Return the name of the mode that choices belong to; "combine" where none fits. */
export function modeOf(chosen) {
  const beside = [...OPTIONAL, "soft_mask"];
  const every = chosen.operations.map((each) => each.name);
  const found = new Set(every.filter((name) => !beside.includes(name)));
  if (!found.size) return every.includes("soft_mask") ? "fill" : "combine";
  const fits = MODES.find(({ operations }) => {
    const wanted = operations.filter((name) => !beside.includes(name));
    return wanted.length === found.size && wanted.every((name) => found.has(name));
  });
  return fits?.name ?? "combine";
}

/** Paths of a request's fields, as they travel. */
const PATH = new RegExp(
  "operations\\[\\d+\\]\\.(?:custom\\.(?:parameters|images|masks)|\\w+)\\.(\\w+)(?:\\[\\d+\\])?" +
    "|(?<![\\w.])(prompt\\.text|prompt\\.negative|canvas\\.selection|sampling\\.\\w+" +
    "|output\\.count|mask)(?=:)",
  "g",
);
const PATH_LABELS = {
  "prompt.text": "Prompt", "prompt.negative": "Avoid", "canvas.selection": "Selection",
  mask: "Selection", "sampling.seeds": "Seed", "sampling.steps": "Steps",
  "sampling.sampler": "Sampler", "output.count": "Variants",
};

/** Return an error in one sentence, with the fields named as the panel does. */
export function sentence(error) {
  const words = (error.message || error.name || String(error)).split(/\s+/).join(" ").trim();
  return words.replace(PATH, (_, parameter, path) => {
    const name = parameter ?? path;
    const plain = name.replaceAll("_", " ");
    return PATH_LABELS[name] ?? plain.charAt(0).toUpperCase() + plain.slice(1).toLowerCase();
  });
}

function isGiven(operation, values) {
  return Object.entries(values).some(
    ([key, value]) => key.startsWith(`${operation}.`) && value !== null && value !== undefined,
  );
}

function describedMode(catalog, known) {
  const { name, title, help, operations, needs } = known;
  const installed = (each) => !operations.includes(each) && described(catalog, each);
  const optional = OPTIONAL.filter(installed);
  const fields = editFields(catalog, known.prompt);
  if (needs.includes("sides")) fields.splice(1, 0, ...sideFields());
  const beside = name === "combine" ? optional : [...optional, "soft_mask"];
  for (const each of new Set([...operations, ...beside])) {
    fields.push(...operationFields(catalog, each));
  }
  const ordered = [...fields.filter((f) => f.simple), ...fields.filter((f) => !f.simple)];
  const missing = missingOf(catalog, known);
  return { name, title, help, operations, needs, fields: ordered, missing, optional };
}

function missingOf(catalog, known) {
  for (const name of known.operations) {
    if (!described(catalog, name)) {
      return `The operation ${name} is not installed. Fix: install the package that has it.`;
    }
    const [kind, words] = MODELS[name] ?? ["", ""];
    if (kind && known.name !== "combine" && !modelsOfKind(catalog, kind).length) {
      return `No ${words} is installed. Fix: install one, see \`retouch models\`.`;
    }
  }
  const follows = (catalog.models ?? []).some((each) => each.followsInstructions);
  if (known.name === "instruct" && !follows) {
    return "No model that follows instructions is installed. Fix: see `retouch models`.";
  }
  return "";
}
