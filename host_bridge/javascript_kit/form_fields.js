/**
 * The fields of a panel: of the edit itself, and of every operation in the catalogue. The twin of
 * `form_fields.py`.
 *
 * A field is {key, operation, name, label, kind, several, required, default, low, high, step,
 * unit, choices, help, simple}; kinds are "number", "integer", "bool", "choice", "text", "picture",
 * "mask", "words" (word -> number), "model". Keys are the same in all hosts: "prompt",
 * "sdedit.strength".
 */

const KINDS = {
  NUMBER: "number", INTEGER: "integer", BOOLEAN: "bool", TEXT: "text", CHOICE: "choice",
  IMAGE: "picture", MASK: "mask", MODEL: "model", WORD_WEIGHTS: "words",
};
const ADAPTERS = { ip_adapter: "IP_ADAPTER", t2i_adapter: "T2I_ADAPTER", best_of: "RANKER" };
const LABELS = {
  "sdedit.strength": "Strength",
  "sdedit.repeats": "Repeats",
  "prompt_to_prompt.source_prompt": "What the picture shows now",
  "prompt_to_prompt.words": "Weights of words",
  "ip_adapter.images": "Reference pictures",
  "ip_adapter.scale": "Reference strength",
  "t2i_adapter.kind": "Control",
  "t2i_adapter.image": "Control picture",
  "t2i_adapter.scale": "Control strength",
  "instruct_pix2pix.text_scale": "Follow the instruction",
  "instruct_pix2pix.image_scale": "Stay with the picture",
  "guidance.scale": "Follow the prompt",
};
/** Fields that belong in the panel at once; of operations that are not known here, all do. */
const NOT_SIMPLE = ["guidance.scale", "sdedit.repeats"];
const KNOWN = [
  "guidance", "soft_mask", "best_of", "sdedit", "prompt_to_prompt", "ip_adapter", "t2i_adapter",
  "instruct_pix2pix",
];
/** What the catalogue does not say is required, though nothing happens without it. */
const REQUIRED = ["prompt_to_prompt.source_prompt", "ip_adapter.images"];

/** Return the fields of one operation; empty where it is not installed. */
export function operationFields(catalog, operation) {
  const found = described(catalog, operation);
  if (!found) return [];
  const fields = (found.parameters ?? []).map((each) => parameterField(catalog, operation, each));
  if (found.acceptsWindow) fields.push(...windowFields(operation));
  if (found.acceptsRegion) {
    const help = "Where it acts; empty means everywhere.";
    const key = `${operation}.mask`;
    fields.push(field(key, "Only here", "mask", { operation, help }));
  }
  return fields;
}

/** Return the fields of the edit itself: prompt, variants, seed, steps ... */
export function editFields(catalog, prompt = "Prompt") {
  const limits = catalog.limits ?? {};
  const models = modelsOfKind(catalog, "BASE").map((each) => each.name);
  const samplers = (catalog.samplers ?? []).map((each) => each.name);
  const most = Number.MAX_SAFE_INTEGER;
  const [fades, grows] = ["How far the edge fades inwards.", "Makes the selection larger first."];
  return [
    field("prompt", prompt, "text", { help: "What to show.", simple: true }),
    whole("variants", "Variants", 1, limits.variants ?? 16, 1, { simple: true }),
    field("negative", "Avoid", "text", { help: "What not to show." }),
    whole("seed", "Seed", 0, most, null, { help: "Empty draws one; the same gives the same." }),
    whole("steps", "Steps", 1, limits.steps ?? 250, null, { help: "Empty: the model's own." }),
    field("sampler", "Sampler", "choice", { choices: samplers }),
    field("model", "Model", "model", { choices: models }),
    whole("feather", "Feather", 0, 4096, 0, { unit: "px", help: fades }),
    whole("grow", "Grow", -1024, 1024, 0, { unit: "px", help: grows }),
    whole("preview_every", "Preview every", 0, 1000, 2, { unit: "steps", help: "0: no previews." }),
  ];
}

/** Return the fields of expanding a canvas. */
export function sideFields() {
  const sides = ["Left", "Top", "Right", "Bottom"].map((label) =>
    whole(`expand.${label.toLowerCase()}`, label, 0, 16384, 0, { unit: "px", simple: true }),
  );
  const help = "How much of the old edge may change, for a soft seam.";
  return [...sides, whole("expand.overlap", "Overlap", 0, 1024, 16, { unit: "px", help })];
}

/** Return an operation of the catalogue; undefined where it is not installed. */
export function described(catalog, operation) {
  return (catalog.operations ?? []).find((each) => each.name === operation);
}

/** Return the models of a kind: "BASE", "IP_ADAPTER", "T2I_ADAPTER", "RANKER". */
export function modelsOfKind(catalog, kind) {
  return (catalog.models ?? []).filter((each) => each.kind === `MODEL_KIND_${kind}`);
}

/** Return the side in pixels that a model was trained at; 512 where it is not known. */
export function nativeSize(catalog, model = "") {
  const base = modelsOfKind(catalog, "BASE");
  const chosen = base.find((each) => each.name === model) ?? base[0];
  return chosen ? (chosen.nativeSize?.width ?? 512) : 512;
}

function field(key, label, kind, more = {}) {
  return {
    key, operation: "", name: key.split(".").pop(), label, kind, several: false, required: false,
    default: null, low: null, high: null, step: null, unit: "", choices: [], help: "",
    simple: false, ...more,
  };
}

function whole(key, label, low, high, byDefault, more = {}) {
  return field(key, label, "integer", { low, high, default: byDefault, step: 1, ...more });
}

function windowFields(operation) {
  const more = { operation, low: 0, high: 1, step: 0.05 };
  const [from, until] = ["Progress from which on it acts.", "Progress at which it ends."];
  return [
    field(`${operation}.start`, "From", "number", { ...more, default: 0, help: from }),
    field(`${operation}.stop`, "Until", "number", { ...more, default: 1, help: until }),
  ];
}

function parameterField(catalog, operation, sent) {
  const { name = "", minimum: low = null, maximum: high = null } = sent;
  const key = `${operation}.${name}`;
  const kind = KINDS[(sent.type ?? "").slice("PARAMETER_TYPE_".length)] ?? "text";
  let choices = sent.choices ?? [];
  if (kind === "model") {
    const adapters = modelsOfKind(catalog, ADAPTERS[operation] ?? "");
    choices = (adapters.length ? adapters : (catalog.models ?? [])).map((each) => each.name);
  }
  const words = name.replaceAll("_", " ");
  return field(key, LABELS[key] ?? words.charAt(0).toUpperCase() + words.slice(1), kind, {
    operation,
    several: sent.repeated ?? false,
    required: (sent.required ?? false) || REQUIRED.includes(key),
    default: sent.defaultValue === "" ? null : (sent.defaultValue ?? null),
    low,
    high,
    step: stepOf(kind, low, high),
    unit: sent.unit ?? "",
    choices,
    help: sent.help ?? "",
    simple: (key in LABELS && !NOT_SIMPLE.includes(key)) || !KNOWN.includes(operation),
  });
}

function stepOf(kind, low, high) {
  if (kind === "integer") return 1;
  if (kind !== "number") return null;
  return low !== null && high !== null && high - low <= 2 ? 0.05 : 0.1;
}
