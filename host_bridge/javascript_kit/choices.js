/**
 * What a person chose, whatever the picture is; as a recipe, and back from a result. The twin of
 * `choices.py`: a recipe of one is a recipe of the other, and of `retouch batch`.
 *
 * Choices are {prompt, negative, model, operations, variants, seed, steps, sampler, previewEvery,
 * previewSide, grow, feather, workingSize, priority, group}; an operation is {name, parameters}, as
 * the catalogue names them. `seed` is null (the daemon draws one), a number, or a text of digits.
 */

export const VERSION = 1;
const PER_FILE = "per-file";

export const DEFAULTS = Object.freeze({
  prompt: "", negative: "", model: "", operations: Object.freeze([]), variants: 1, seed: null,
  steps: null, sampler: "", previewEvery: 2, previewSide: 256, grow: 0, feather: 0, workingSize: 0,
  priority: "interactive", group: "",
});
/** Choice -> name in a recipe; what is not here is a host's own and no part of a recipe. */
const NAMES = {
  prompt: "prompt", negative: "negative_prompt", model: "model", variants: "variants",
  seed: "seed", steps: "steps", sampler: "sampler", feather: "feather",
  workingSize: "working_size",
};
const WORDS = ["prompt", "negative", "model", "sampler"];
const RANGES = { variants: [1, 16], steps: [1, 250], feather: [0, 4096] };
/** The largest seed that the daemon takes. What it draws itself is below 2^31. */
export const MOST_SEED = "9223372036854775807";

/** Return choices with everything that is not given as by default. */
export const choicesWith = (given) => ({ ...DEFAULTS, ...given });

/** Return choices as a recipe in plain JSON; what is as by default is left out. */
export function toRecipe(chosen) {
  const found = { recipe: VERSION };
  for (const [mine, name] of Object.entries(NAMES)) {
    if (chosen[mine] !== DEFAULTS[mine]) found[name] = chosen[mine];
  }
  if (chosen.seed === null) found.seed = PER_FILE;
  else if (Number.isSafeInteger(Number(chosen.seed))) found.seed = Number(chosen.seed);
  if (chosen.feather) found.feather = Math.round(chosen.feather);
  found.operations = chosen.operations.map(({ name, parameters }) => ({
    [name]: plain(parameters ?? {}),
  }));
  return found;
}

/** Return the choices of a recipe. Throws RangeError: one sentence naming the field. */
export function ofRecipe(recipe) {
  const object = recipe !== null && typeof recipe === "object" && !Array.isArray(recipe);
  if (!object || (recipe.recipe ?? VERSION) !== VERSION) {
    throw new RangeError(`This is no recipe of form ${VERSION}. Fix: use a newer Retouch.`);
  }
  const found = {};
  for (const [mine, name] of Object.entries(NAMES)) {
    if (name in recipe) found[mine] = checked(name, mine, recipe[name]);
  }
  const operations = recipe.operations ?? [];
  if (!Array.isArray(operations)) {
    throw new RangeError("operations is no list. Fix: write a list of operations.");
  }
  return choicesWith({ ...found, operations: operations.map(operationOf) });
}

/** Return the choices of a result's `effective` (`retouch.v1.EffectiveParameters`): replay. */
export function choicesOf(effective) {
  const { prompt = {}, sampling = {}, mask = {}, output = {}, canvas = {}, ...request } =
    effective.request ?? {};
  const { size, longSidePx = 0 } = canvas.workingSize ?? {};
  return choicesWith({
    prompt: prompt.text ?? "",
    negative: prompt.negative ?? "",
    model: request.model ?? "",
    operations: (request.operations ?? []).map(ofMessage),
    variants: output.count ?? 1,
    seed: sampling.seeds?.[0] ?? null,
    steps: sampling.steps ?? null,
    sampler: sampling.sampler ?? "",
    previewEvery: output.preview?.everySteps ?? 0,
    previewSide: output.preview?.maxSidePx ?? 256,
    grow: mask.growPx ?? 0,
    feather: mask.featherPx ?? 0,
    workingSize: size ? [size.width, size.height] : longSidePx,
  });
}

/** An operation of a request in JSON form: by name, or of a message of its own. */
function ofMessage({ region, start, stop, custom, ...own }) {
  const parameters = {};
  if (start !== undefined) parameters.start = start;
  if (stop !== undefined) parameters.stop = stop;
  if (region !== undefined) parameters.mask = region;
  if (custom) {
    Object.assign(parameters, custom.parameters);
    for (const [name, { images = [] }] of Object.entries(custom.images ?? {})) {
      parameters[name] = images.length === 1 ? images[0] : images;
    }
    Object.assign(parameters, custom.masks);
    return { name: custom.name ?? "", parameters };
  }
  const [kind, message] = Object.entries(own)[0] ?? ["", {}];
  const name = snake(kind);
  for (const [key, value] of Object.entries(message)) {
    parameters[snake(key)] = word(value, `${name}_${snake(key)}_`.toUpperCase());
  }
  return { name, parameters };
}

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The word of a choice: enums carry their names before it. */
function word(value, prefix) {
  if (typeof value !== "string" || !value.startsWith(prefix)) return value;
  return value.slice(prefix.length).toLowerCase();
}

/** What plain JSON can hold of parameters: pictures and masks without a name are left out. */
function plain(value) {
  if (["string", "boolean", "number"].includes(typeof value)) return value;
  if (Array.isArray(value)) return value.map(plain).filter((each) => each !== null);
  if (value === null || value === undefined || Object.getPrototypeOf(value) !== Object.prototype) {
    return null;
  }
  const kept = Object.entries(value).map(([name, each]) => [name, plain(each)]);
  return Object.fromEntries(kept.filter(([, each]) => each !== null));
}

function operationOf(given) {
  if (typeof given === "string") return { name: given, parameters: {} };
  const one = Object.entries(given ?? {});
  const inside = one[0]?.[1] ?? {};
  if (one.length !== 1 || typeof inside !== "object" || Array.isArray(inside)) {
    const words = JSON.stringify(given);
    throw new RangeError(`operations: got ${words}. Fix: write {name: {parameter: value}}.`);
  }
  return { name: one[0][0], parameters: { ...inside } };
}

function checked(name, mine, value) {
  if (WORDS.includes(mine)) {
    if (typeof value === "string") return value;
    throw new RangeError(`${name}: got ${JSON.stringify(value)}. Fix: write a text.`);
  }
  if (mine === "seed" && (value === PER_FILE || value === null)) return null;
  if (mine === "seed") return seedOf(name, value);
  if (mine === "steps" && value === null) return null;
  const [low, high] = RANGES[mine] ?? [0, 65536];
  const isSize = mine === "workingSize" && Array.isArray(value) && value.length === 2;
  const fits = (number) => Number.isInteger(number) && low <= number && number <= high;
  if (isSize ? value.every(fits) : fits(value)) return isSize ? [...value] : value;
  throw new RangeError(outside(name, value, low, high));
}

function outside(name, value, low, high) {
  const allowed = `allowed: whole numbers, ${low} to ${high}`;
  return `${name}: got ${JSON.stringify(value)}; ${allowed}. Fix: choose another.`;
}

/** A seed with all its digits: a text where no number of JavaScript holds it. */
function seedOf(name, value) {
  const whole = Number.isSafeInteger(value) || (typeof value === "string" && /^\d{1,19}$/.test(value));
  if (!whole || BigInt(value) < 0n || BigInt(value) > BigInt(MOST_SEED)) {
    throw new RangeError(outside(name, value, 0, MOST_SEED));
  }
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
}
