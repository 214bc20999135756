/** From a filled form to choices, and back. The twin of `form_values.py`. */

import { choicesWith, MOST_SEED } from "./choices.js";

/** Field key of the edit itself -> choice. */
const OF_EDIT = {
  prompt: "prompt", negative: "negative", model: "model", variants: "variants", seed: "seed",
  steps: "steps", sampler: "sampler", feather: "feather", grow: "grow",
  preview_every: "previewEvery", preview_side: "previewSide", working_size: "workingSize",
  priority: "priority", group: "group",
};
const PLAIN = ["preview_side", "working_size", "priority", "group"];

/**
 * Return the choices that the values of some fields make. Throws RangeError with the field's label.
 *
 * @param {object[]} fields of the form.
 * @param {string[]} run names of operations that run whatever is given.
 * @param {object} values by field key; what is missing or null is as by default.
 * @param {string[]} optional operations that run where one of their fields is given.
 */
export function filled(fields, run, values, optional) {
  const given = new Map(run.map((name) => [name, {}]));
  const edit = {};
  for (const field of fields) {
    const { operation, key, name } = field;
    if (operation && !run.includes(operation) && !optional.includes(operation)) continue;
    const value = valueOf(field, values[key]);
    if (value === null) {
      if (field.required && run.includes(operation)) {
        throw new RangeError(`${field.label} is empty. Fix: ${fixOf(field)}.`);
      }
    } else if (operation) {
      if (!given.has(operation)) given.set(operation, {});
      given.get(operation)[name] = value;
    } else if (key in OF_EDIT) edit[OF_EDIT[key]] = value;
  }
  const overlap = values["expand.overlap"];
  if (overlap && !("feather" in edit)) edit.feather = Math.trunc(Number(overlap));
  for (const key of PLAIN) if (values[key]) edit[OF_EDIT[key]] = values[key];
  const operations = Array.from(given, ([name, parameters]) => ({ name, parameters }));
  return choicesWith({ ...edit, operations });
}

/** Return the form's values of choices, by field key: what replay fills in. */
export function valuesOf(chosen) {
  const found = {};
  for (const [key, name] of Object.entries(OF_EDIT)) found[key] = chosen[name];
  for (const { name, parameters } of chosen.operations) {
    for (const [key, value] of Object.entries(parameters)) found[`${name}.${key}`] = value;
  }
  return found;
}

/** A field's value as an operation takes it; null where none is given. */
function valueOf(field, given) {
  const value = typeof given === "string" ? given.trim() : given;
  if (value === null || value === undefined || isEmpty(value)) return null;
  const { kind } = field;
  if (kind === "number" || kind === "integer") {
    if (!field.several) return numberOf(field, value);
    return severalOf(value).map((each) => numberOf(field, each));
  }
  if (kind === "bool") return Boolean(value);
  if (kind === "words") {
    const pairs = Object.entries(wordsOf(field, value));
    return Object.fromEntries(pairs.map(([word, each]) => [word, numberOf(field, each)]));
  }
  if (kind === "choice" && field.choices.length && !field.choices.includes(value)) {
    throw new RangeError(wrong(field, value, field.choices.join(", ")));
  }
  return field.several && !Array.isArray(value) ? severalOf(value) : value;
}

function isEmpty(value) {
  if (typeof value === "string" || Array.isArray(value) || value instanceof Uint8Array) {
    return !value.length;
  }
  const object = typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;
  return object && !Object.keys(value).length;
}

function severalOf(value) {
  if (typeof value !== "string") return Array.isArray(value) ? value : [value];
  return value.split(",").map((each) => each.trim()).filter((each) => each);
}

/** Words with numbers: an object, or a text such as "red: 1.5, house: 0.5". */
function wordsOf(field, value) {
  if (typeof value === "object" && !Array.isArray(value)) return value;
  const pairs = severalOf(value).map((each) => {
    const at = each.lastIndexOf(":");
    return [each.slice(0, Math.max(at, 0)).trim(), each.slice(at + 1)];
  });
  if (!pairs.every(([word]) => word)) {
    throw new RangeError(wrong(field, value, "word: number, word: number"));
  }
  return Object.fromEntries(pairs);
}

function numberOf(field, value) {
  const { low, high, unit } = field;
  const allowed = `${low ?? "any"} to ${high ?? "any"}${unit ? ` ${unit}` : ""}`;
  const number = typeof value === "string" && !value.trim() ? NaN : Number(value);
  const inside = (low === null || number >= low) && (high === null || number <= high);
  // What the daemon reports may be larger than what people write, and no number holds it.
  if (field.key === "seed" && /^\d{1,19}$/.test(String(value))) {
    const most = `0 to ${MOST_SEED}`;
    if (BigInt(value) > BigInt(MOST_SEED)) throw new RangeError(wrong(field, value, most));
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (!inside || Number.isNaN(number)) throw new RangeError(wrong(field, value, allowed));
  if (field.kind === "integer" && !Number.isInteger(number)) {
    throw new RangeError(wrong(field, value, `a whole number, ${allowed}`));
  }
  return number;
}

function wrong(field, value, allowed) {
  const shown = typeof value === "string" ? `'${value}'` : String(value);
  return `${field.label}: got ${shown}; allowed: ${allowed}. Fix: choose one of these.`;
}

function fixOf(field) {
  const known = { picture: "choose a layer or a file", mask: "select a part of the canvas" };
  return known[field.kind] ?? `write what belongs there (${field.help.replace(/\.$/, "")})`;
}
