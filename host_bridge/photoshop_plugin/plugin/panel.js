"use strict";
(() => {
  var __defProp = Object.defineProperty;
  var __defNormalProp = (obj, key, value) => key in obj ? __defProp(obj, key, { enumerable: true, configurable: true, writable: true, value }) : obj[key] = value;
  var __require = /* @__PURE__ */ ((x) => typeof require !== "undefined" ? require : typeof Proxy !== "undefined" ? new Proxy(x, {
    get: (a, b) => (typeof require !== "undefined" ? require : a)[b]
  }) : x)(function(x) {
    if (typeof require !== "undefined") return require.apply(this, arguments);
    throw Error('Dynamic require of "' + x + '" is not supported');
  });
  var __publicField = (obj, key, value) => __defNormalProp(obj, typeof key !== "symbol" ? key + "" : key, value);

  // src/main.ts
  var import_uxp3 = __require("uxp");

  // ../javascript_kit/geometry.js
  var RATIOS = [1, 4 / 3, 3 / 4, 16 / 9, 9 / 16];
  var rect = (x, y, width, height) => ({ x, y, width, height });
  var right = (of) => of.x + of.width;
  var bottom = (of) => of.y + of.height;
  var isEmpty = (of) => of.width <= 0 || of.height <= 0;
  var shifted = (of, dx, dy) => rect(of.x + dx, of.y + dy, of.width, of.height);
  function grown(of, pixels) {
    const [width, height] = [of.width, of.height].map((side) => Math.max(0, side + 2 * pixels));
    return rect(of.x - pixels, of.y - pixels, width, height);
  }
  function clipped(one, other) {
    const [x, y] = [Math.max(one.x, other.x), Math.max(one.y, other.y)];
    const width = Math.min(right(one), right(other)) - x;
    const height = Math.min(bottom(one), bottom(other)) - y;
    return rect(x, y, Math.max(0, width), Math.max(0, height));
  }
  var rectOf = ({ x = 0, y = 0, width = 0, height = 0 } = {}) => rect(x, y, width, height);
  function region(selection, canvas, paddingFraction = 0.25, shortestSide = 64) {
    const area = selection ? clipped(selection, canvas) : canvas;
    return withSurroundings(isEmpty(area) ? canvas : area, canvas, paddingFraction, shortestSide);
  }
  var relative = (of, crop) => shifted(of, -crop.x, -crop.y);
  var placed = (bounds, crop) => shifted(bounds, crop.x, crop.y);
  function expansion(canvas, sides, overlap = 0, paddingFraction = 0.25, shortestSide = 64) {
    const given = ["left", "top", "right", "bottom"].map((side) => sides[side] ?? 0);
    const [left, top, atRight, atBottom] = given;
    if (Math.min(...given) < 0 || Math.max(...given) === 0) {
      const words = given.join(", ");
      throw new RangeError(`Expand by ${words} pixels is not possible. Fix: add pixels to a side.`);
    }
    const { x, y, width, height } = canvas;
    const larger = rect(x - left, y - top, width + left + atRight, height + top + atBottom);
    const kept = shrunk(canvas, overlap, given);
    const area = aroundNew(larger, kept, given);
    const crop = withSurroundings(area, larger, paddingFraction, shortestSide);
    const [keptThere, read] = [clipped(kept, crop), clipped(canvas, crop)];
    return { canvas: larger, crop, kept: keptThere, offset: [left, top], read };
  }
  function defaultFeather({ width, height }) {
    const shorter = Math.min(width, height);
    return shorter < 16 ? 0 : Math.max(2, Math.min(32, Math.floor(shorter / 16)));
  }
  function fitted([width, height], longestSide) {
    const scale = Math.min(1, longestSide / Math.max(width, height));
    return [width, height].map((side) => Math.max(1, round(side * scale)));
  }
  function round(value) {
    const near = Math.round(value);
    return Math.abs(value % 1) === 0.5 && near % 2 !== 0 ? near - 1 : near;
  }
  function shrunk(old, overlap, [left, top, atRight, atBottom]) {
    const across = Math.min(overlap, Math.floor(old.width / 4));
    const down = Math.min(overlap, Math.floor(old.height / 4));
    const [l, t] = [left ? across : 0, top ? down : 0];
    const [r, b] = [atRight ? across : 0, atBottom ? down : 0];
    return rect(old.x + l, old.y + t, old.width - l - r, old.height - t - b);
  }
  function aroundNew(larger, kept, [left, top, atRight, atBottom]) {
    const x = atRight && !(left || top || atBottom) ? right(kept) : larger.x;
    const y = atBottom && !(left || top || atRight) ? bottom(kept) : larger.y;
    const endX = left && !(top || atRight || atBottom) ? kept.x : right(larger);
    const endY = top && !(left || atRight || atBottom) ? kept.y : bottom(larger);
    return rect(x, y, endX - x, endY - y);
  }
  function withSurroundings(area, bounds, fraction, shortest) {
    const share = Math.min(Math.max(fraction, 0), 4);
    const padding = share ? Math.max(16, round(share * Math.max(area.width, area.height))) : 0;
    const padded = clipped(grown(area, padding), bounds);
    const [width, height] = shaped(
      Math.min(Math.max(padded.width, shortest), bounds.width),
      Math.min(Math.max(padded.height, shortest), bounds.height),
      bounds
    );
    const x = padded.x - Math.floor((width - padded.width) / 2);
    const y = padded.y - Math.floor((height - padded.height) / 2);
    return rect(
      Math.min(Math.max(x, bounds.x), right(bounds) - width),
      Math.min(Math.max(y, bounds.y), bottom(bounds) - height),
      width,
      height
    );
  }
  function shaped(width, height, bounds) {
    const sizes = RATIOS.map((ratio) => [
      Math.min(bounds.width, Math.max(width, upwards(height * ratio))),
      Math.min(bounds.height, Math.max(height, upwards(width / ratio)))
    ]);
    const cost = ([w, h]) => [misfit(w / h), w * h];
    return sizes.reduce((best, size) => {
      const [[fit, area], [bestFit, bestArea]] = [cost(size), cost(best)];
      return fit < bestFit || fit === bestFit && area < bestArea ? size : best;
    });
  }
  var upwards = (value) => Math.ceil(Math.round(value * 1e6) / 1e6);
  function misfit(ratio) {
    const octaves = RATIOS.map((known) => Math.abs(Math.log2(ratio) - Math.log2(known)));
    return round(10 * Math.min(...octaves));
  }

  // ../javascript_kit/form_fields.js
  var KINDS = {
    NUMBER: "number",
    INTEGER: "integer",
    BOOLEAN: "bool",
    TEXT: "text",
    CHOICE: "choice",
    IMAGE: "picture",
    MASK: "mask",
    MODEL: "model",
    WORD_WEIGHTS: "words"
  };
  var ADAPTERS = { ip_adapter: "IP_ADAPTER", t2i_adapter: "T2I_ADAPTER", best_of: "RANKER" };
  var LABELS = {
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
    "guidance.scale": "Follow the prompt"
  };
  var NOT_SIMPLE = ["guidance.scale", "sdedit.repeats"];
  var KNOWN = [
    "guidance",
    "soft_mask",
    "best_of",
    "sdedit",
    "prompt_to_prompt",
    "ip_adapter",
    "t2i_adapter",
    "instruct_pix2pix"
  ];
  var REQUIRED = ["prompt_to_prompt.source_prompt", "ip_adapter.images"];
  function operationFields(catalog, operation) {
    const found2 = described(catalog, operation);
    if (!found2) return [];
    const fields = (found2.parameters ?? []).map((each) => parameterField(catalog, operation, each));
    if (found2.acceptsWindow) fields.push(...windowFields(operation));
    if (found2.acceptsRegion) {
      const help = "Where it acts; empty means everywhere.";
      const key = `${operation}.mask`;
      fields.push(field(key, "Only here", "mask", { operation, help }));
    }
    return fields;
  }
  function editFields(catalog, prompt = "Prompt") {
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
      whole("preview_every", "Preview every", 0, 1e3, 2, { unit: "steps", help: "0: no previews." })
    ];
  }
  function sideFields() {
    const sides = ["Left", "Top", "Right", "Bottom"].map(
      (label) => whole(`expand.${label.toLowerCase()}`, label, 0, 16384, 0, { unit: "px", simple: true })
    );
    const help = "How much of the old edge may change, for a soft seam.";
    return [...sides, whole("expand.overlap", "Overlap", 0, 1024, 16, { unit: "px", help })];
  }
  function described(catalog, operation) {
    return (catalog.operations ?? []).find((each) => each.name === operation);
  }
  function modelsOfKind(catalog, kind) {
    return (catalog.models ?? []).filter((each) => each.kind === `MODEL_KIND_${kind}`);
  }
  function nativeSize(catalog, model = "") {
    const base = modelsOfKind(catalog, "BASE");
    const chosen = base.find((each) => each.name === model) ?? base[0];
    return chosen ? chosen.nativeSize?.width ?? 512 : 512;
  }
  function field(key, label, kind, more = {}) {
    return {
      key,
      operation: "",
      name: key.split(".").pop(),
      label,
      kind,
      several: false,
      required: false,
      default: null,
      low: null,
      high: null,
      step: null,
      unit: "",
      choices: [],
      help: "",
      simple: false,
      ...more
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
      field(`${operation}.stop`, "Until", "number", { ...more, default: 1, help: until })
    ];
  }
  function parameterField(catalog, operation, sent) {
    const { name = "", minimum: low = null, maximum: high = null } = sent;
    const key = `${operation}.${name}`;
    const kind = KINDS[(sent.type ?? "").slice("PARAMETER_TYPE_".length)] ?? "text";
    let choices2 = sent.choices ?? [];
    if (kind === "model") {
      const adapters = modelsOfKind(catalog, ADAPTERS[operation] ?? "");
      choices2 = (adapters.length ? adapters : catalog.models ?? []).map((each) => each.name);
    }
    const words = name.replaceAll("_", " ");
    return field(key, LABELS[key] ?? words.charAt(0).toUpperCase() + words.slice(1), kind, {
      operation,
      several: sent.repeated ?? false,
      required: (sent.required ?? false) || REQUIRED.includes(key),
      default: sent.defaultValue === "" ? null : sent.defaultValue ?? null,
      low,
      high,
      step: stepOf(kind, low, high),
      unit: sent.unit ?? "",
      choices: choices2,
      help: sent.help ?? "",
      simple: key in LABELS && !NOT_SIMPLE.includes(key) || !KNOWN.includes(operation)
    });
  }
  function stepOf(kind, low, high) {
    if (kind === "integer") return 1;
    if (kind !== "number") return null;
    return low !== null && high !== null && high - low <= 2 ? 0.05 : 0.1;
  }

  // ../javascript_kit/choices.js
  var VERSION = 1;
  var PER_FILE = "per-file";
  var DEFAULTS = Object.freeze({
    prompt: "",
    negative: "",
    model: "",
    operations: Object.freeze([]),
    variants: 1,
    seed: null,
    steps: null,
    sampler: "",
    previewEvery: 2,
    previewSide: 256,
    grow: 0,
    feather: 0,
    workingSize: 0,
    priority: "interactive",
    group: ""
  });
  var NAMES = {
    prompt: "prompt",
    negative: "negative_prompt",
    model: "model",
    variants: "variants",
    seed: "seed",
    steps: "steps",
    sampler: "sampler",
    feather: "feather",
    workingSize: "working_size"
  };
  var WORDS = ["prompt", "negative", "model", "sampler"];
  var RANGES = { variants: [1, 16], steps: [1, 250], feather: [0, 4096] };
  var MOST_SEED = "9223372036854775807";
  var choicesWith = (given) => ({ ...DEFAULTS, ...given });
  function toRecipe(chosen) {
    const found2 = { recipe: VERSION };
    for (const [mine, name] of Object.entries(NAMES)) {
      if (chosen[mine] !== DEFAULTS[mine]) found2[name] = chosen[mine];
    }
    if (chosen.seed === null) found2.seed = PER_FILE;
    else if (Number.isSafeInteger(Number(chosen.seed))) found2.seed = Number(chosen.seed);
    if (chosen.feather) found2.feather = Math.round(chosen.feather);
    found2.operations = chosen.operations.map(({ name, parameters }) => ({
      [name]: plain(parameters ?? {})
    }));
    return found2;
  }
  function ofRecipe(recipe) {
    const object = recipe !== null && typeof recipe === "object" && !Array.isArray(recipe);
    if (!object || (recipe.recipe ?? VERSION) !== VERSION) {
      throw new RangeError(`This is no recipe of form ${VERSION}. Fix: use a newer Retouch.`);
    }
    const found2 = {};
    for (const [mine, name] of Object.entries(NAMES)) {
      if (name in recipe) found2[mine] = checked(name, mine, recipe[name]);
    }
    const operations = recipe.operations ?? [];
    if (!Array.isArray(operations)) {
      throw new RangeError("operations is no list. Fix: write a list of operations.");
    }
    return choicesWith({ ...found2, operations: operations.map(operationOf) });
  }
  function choicesOf(effective) {
    const { prompt = {}, sampling = {}, mask = {}, output = {}, canvas = {}, ...request } = effective.request ?? {};
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
      workingSize: size ? [size.width, size.height] : longSidePx
    });
  }
  function ofMessage({ region: region2, start, stop, custom, ...own }) {
    const parameters = {};
    if (start !== void 0) parameters.start = start;
    if (stop !== void 0) parameters.stop = stop;
    if (region2 !== void 0) parameters.mask = region2;
    if (custom) {
      Object.assign(parameters, custom.parameters);
      for (const [name2, { images = [] }] of Object.entries(custom.images ?? {})) {
        parameters[name2] = images.length === 1 ? images[0] : images;
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
  var snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  function word(value, prefix) {
    if (typeof value !== "string" || !value.startsWith(prefix)) return value;
    return value.slice(prefix.length).toLowerCase();
  }
  function plain(value) {
    if (["string", "boolean", "number"].includes(typeof value)) return value;
    if (Array.isArray(value)) return value.map(plain).filter((each) => each !== null);
    if (value === null || value === void 0 || Object.getPrototypeOf(value) !== Object.prototype) {
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
  function seedOf(name, value) {
    const whole2 = Number.isSafeInteger(value) || typeof value === "string" && /^\d{1,19}$/.test(value);
    if (!whole2 || BigInt(value) < 0n || BigInt(value) > BigInt(MOST_SEED)) {
      throw new RangeError(outside(name, value, 0, MOST_SEED));
    }
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  }

  // ../javascript_kit/form_values.js
  var OF_EDIT = {
    prompt: "prompt",
    negative: "negative",
    model: "model",
    variants: "variants",
    seed: "seed",
    steps: "steps",
    sampler: "sampler",
    feather: "feather",
    grow: "grow",
    preview_every: "previewEvery",
    preview_side: "previewSide",
    working_size: "workingSize",
    priority: "priority",
    group: "group"
  };
  var PLAIN = ["preview_side", "working_size", "priority", "group"];
  function filled(fields, run, values, optional) {
    const given = new Map(run.map((name) => [name, {}]));
    const edit = {};
    for (const field2 of fields) {
      const { operation, key, name } = field2;
      if (operation && !run.includes(operation) && !optional.includes(operation)) continue;
      const value = valueOf(field2, values[key]);
      if (value === null) {
        if (field2.required && run.includes(operation)) {
          throw new RangeError(`${field2.label} is empty. Fix: ${fixOf(field2)}.`);
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
  function valuesOf(chosen) {
    const found2 = {};
    for (const [key, name] of Object.entries(OF_EDIT)) found2[key] = chosen[name];
    for (const { name, parameters } of chosen.operations) {
      for (const [key, value] of Object.entries(parameters)) found2[`${name}.${key}`] = value;
    }
    return found2;
  }
  function valueOf(field2, given) {
    const value = typeof given === "string" ? given.trim() : given;
    if (value === null || value === void 0 || isEmpty2(value)) return null;
    const { kind } = field2;
    if (kind === "number" || kind === "integer") {
      if (!field2.several) return numberOf(field2, value);
      return severalOf(value).map((each) => numberOf(field2, each));
    }
    if (kind === "bool") return Boolean(value);
    if (kind === "words") {
      const pairs2 = Object.entries(wordsOf(field2, value));
      return Object.fromEntries(pairs2.map(([word2, each]) => [word2, numberOf(field2, each)]));
    }
    if (kind === "choice" && field2.choices.length && !field2.choices.includes(value)) {
      throw new RangeError(wrong(field2, value, field2.choices.join(", ")));
    }
    return field2.several && !Array.isArray(value) ? severalOf(value) : value;
  }
  function isEmpty2(value) {
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
  function wordsOf(field2, value) {
    if (typeof value === "object" && !Array.isArray(value)) return value;
    const pairs2 = severalOf(value).map((each) => {
      const at = each.lastIndexOf(":");
      return [each.slice(0, Math.max(at, 0)).trim(), each.slice(at + 1)];
    });
    if (!pairs2.every(([word2]) => word2)) {
      throw new RangeError(wrong(field2, value, "word: number, word: number"));
    }
    return Object.fromEntries(pairs2);
  }
  function numberOf(field2, value) {
    const { low, high, unit } = field2;
    const allowed = `${low ?? "any"} to ${high ?? "any"}${unit ? ` ${unit}` : ""}`;
    const number = typeof value === "string" && !value.trim() ? NaN : Number(value);
    const inside = (low === null || number >= low) && (high === null || number <= high);
    if (field2.key === "seed" && /^\d{1,19}$/.test(String(value))) {
      const most = `0 to ${MOST_SEED}`;
      if (BigInt(value) > BigInt(MOST_SEED)) throw new RangeError(wrong(field2, value, most));
      return Number.isSafeInteger(number) ? number : String(value);
    }
    if (!inside || Number.isNaN(number)) throw new RangeError(wrong(field2, value, allowed));
    if (field2.kind === "integer" && !Number.isInteger(number)) {
      throw new RangeError(wrong(field2, value, `a whole number, ${allowed}`));
    }
    return number;
  }
  function wrong(field2, value, allowed) {
    const shown2 = typeof value === "string" ? `'${value}'` : String(value);
    return `${field2.label}: got ${shown2}; allowed: ${allowed}. Fix: choose one of these.`;
  }
  function fixOf(field2) {
    const known = { picture: "choose a layer or a file", mask: "select a part of the canvas" };
    return known[field2.kind] ?? `write what belongs there (${field2.help.replace(/\.$/, "")})`;
  }

  // ../javascript_kit/panel_form.js
  var mode = (name, title, operations, needs, help, prompt = "Prompt") => ({
    name,
    title,
    operations,
    needs,
    help,
    prompt
  });
  var MODES = [
    mode(
      "fill",
      "Fill selection",
      ["soft_mask"],
      ["selection"],
      "Fills the selection with what the prompt says, in the style around it."
    ),
    mode(
      "expand",
      "Expand canvas",
      ["soft_mask"],
      ["sides"],
      "Makes the canvas larger and paints what may lie beyond its edges."
    ),
    mode(
      "restyle",
      "Restyle",
      ["sdedit"],
      [],
      "Paints the layer again as the prompt says; strength says how freely."
    ),
    mode(
      "instruct",
      "Instruct",
      ["instruct_pix2pix"],
      [],
      "Does what you tell it: “make it night”.",
      "Instruction"
    ),
    mode(
      "swap",
      "Swap a word",
      ["prompt_to_prompt"],
      [],
      "Changes what differs between two descriptions and keeps the picture.",
      "What it shall show"
    ),
    mode(
      "reference",
      "Reference picture",
      ["ip_adapter", "sdedit"],
      ["picture"],
      "Paints the layer again after the look of other pictures."
    ),
    mode(
      "control",
      "Control picture",
      ["t2i_adapter"],
      ["picture"],
      "Paints something new along the edges, drawing, colours or depth of a picture."
    )
  ];
  var COMBINE = mode(
    "combine",
    "Combine",
    [],
    [],
    "Any operations together, with all their choices."
  );
  var OPTIONAL = ["guidance", "best_of"];
  var MODELS = {
    ip_adapter: ["IP_ADAPTER", "IP-Adapter"],
    t2i_adapter: ["T2I_ADAPTER", "T2I-Adapter"]
  };
  function modes(catalog) {
    const operations = (catalog.operations ?? []).map((each) => each.name);
    return [...MODES, { ...COMBINE, operations }].map((known) => describedMode(catalog, known));
  }
  function choices(chosen, values, { operations = null, selected = false } = {}) {
    let run = [...operations ?? chosen.operations];
    if (chosen.name === "combine" && !operations) run = run.filter((name) => isGiven(name, values));
    if (selected && !run.includes("soft_mask")) run.push("soft_mask");
    if (!run.length) throw new RangeError("No operation is chosen. Fix: choose at least one.");
    return filled(chosen.fields, run, values, chosen.optional);
  }
  function modeOf(chosen) {
    const beside = [...OPTIONAL, "soft_mask"];
    const every = chosen.operations.map((each) => each.name);
    const found2 = new Set(every.filter((name) => !beside.includes(name)));
    if (!found2.size) return every.includes("soft_mask") ? "fill" : "combine";
    const fits = MODES.find(({ operations }) => {
      const wanted = operations.filter((name) => !beside.includes(name));
      return wanted.length === found2.size && wanted.every((name) => found2.has(name));
    });
    return fits?.name ?? "combine";
  }
  var PATH = new RegExp(
    "operations\\[\\d+\\]\\.(?:custom\\.(?:parameters|images|masks)|\\w+)\\.(\\w+)(?:\\[\\d+\\])?|(?<![\\w.])(prompt\\.text|prompt\\.negative|canvas\\.selection|sampling\\.\\w+|output\\.count|mask)(?=:)",
    "g"
  );
  var PATH_LABELS = {
    "prompt.text": "Prompt",
    "prompt.negative": "Avoid",
    "canvas.selection": "Selection",
    mask: "Selection",
    "sampling.seeds": "Seed",
    "sampling.steps": "Steps",
    "sampling.sampler": "Sampler",
    "output.count": "Variants"
  };
  function sentence(error) {
    const words = (error.message || error.name || String(error)).split(/\s+/).join(" ").trim();
    return words.replace(PATH, (_, parameter, path) => {
      const name = parameter ?? path;
      const plain2 = name.replaceAll("_", " ");
      return PATH_LABELS[name] ?? plain2.charAt(0).toUpperCase() + plain2.slice(1).toLowerCase();
    });
  }
  function isGiven(operation, values) {
    return Object.entries(values).some(
      ([key, value]) => key.startsWith(`${operation}.`) && value !== null && value !== void 0
    );
  }
  function describedMode(catalog, known) {
    const { name, title, help, operations, needs } = known;
    const installed = (each) => !operations.includes(each) && described(catalog, each);
    const optional = OPTIONAL.filter(installed);
    const fields = editFields(catalog, known.prompt);
    if (needs.includes("sides")) fields.splice(1, 0, ...sideFields());
    const beside = name === "combine" ? optional : [...optional, "soft_mask"];
    for (const each of /* @__PURE__ */ new Set([...operations, ...beside])) {
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

  // src/photoshop/document_events.ts
  var import_photoshop = __require("photoshop");
  var EVENTS = ["select", "open", "close", "make", "delete", "save", "newDocument", "set"];
  function onDocumentChange(tell) {
    let planned = false;
    const soon = () => {
      if (planned) return;
      planned = true;
      setTimeout(() => {
        planned = false;
        tell();
      }, 50);
    };
    import_photoshop.action.addNotificationListener(EVENTS, soon).catch(() => {
    });
  }

  // src/photoshop/open_document.ts
  var import_photoshop2 = __require("photoshop");
  var BITS = {
    [import_photoshop2.constants.BitsPerChannelType.EIGHT]: 8,
    [import_photoshop2.constants.BitsPerChannelType.SIXTEEN]: 16,
    [import_photoshop2.constants.BitsPerChannelType.THIRTYTWO]: 32
  };
  var Unsuitable = class extends Error {
  };
  var OpenDocument = class _OpenDocument {
    constructor(native) {
      __publicField(this, "native", native);
      __publicField(this, "id");
      this.id = native.id;
    }
    /** The active document; null = there is none. */
    static active() {
      try {
        const found2 = import_photoshop2.app.activeDocument;
        return found2 ? new _OpenDocument(found2) : null;
      } catch {
        return null;
      }
    }
    /** The document of an id; null = it was closed. */
    static ofId(id) {
      const found2 = Array.from(import_photoshop2.app.documents).find((each) => each.id === id);
      return found2 ? new _OpenDocument(found2) : null;
    }
    get isActive() {
      return _OpenDocument.active()?.id === this.id;
    }
    get title() {
      return this.native.title;
    }
    get canvas() {
      return rect(0, 0, Math.round(this.native.width), Math.round(this.native.height));
    }
    /** Bits of a channel; 0 = of a kind that cannot be edited. */
    get bits() {
      return BITS[this.native.bitsPerChannel] ?? 0;
    }
    /** Name of the colour profile; empty = the document has none. */
    get profileName() {
      const managed = this.native.colorProfileType !== import_photoshop2.constants.ColorProfileType.NONE;
      return managed ? this.native.colorProfileName ?? "" : "";
    }
    /**
     * What the document is known by when the panel, or Photoshop, was closed meanwhile: its file; of
     * one without a file what there is.
     */
    get key() {
      const { path } = this.native;
      if (this.native.cloudDocument || /[/\\]/.test(path ?? "")) return `file:${path}`;
      const { width, height } = this.canvas;
      return `untitled:${this.id}:${this.title}:${width}x${height}`;
    }
    /** All layers with pixels of their own, the top one first; of groups what is in them, too. */
    layers() {
      return listed(this.native.layers);
    }
    /** The part of the active layer that lies on the canvas; null = all of the canvas. */
    activeExtent() {
      const [layer, another] = Array.from(this.native.activeLayers);
      if (!layer || another || layer.isBackgroundLayer) return null;
      const { left, top, right: right2, bottom: bottom2 } = layer.boundsNoEffects;
      return rect(left, top, right2 - left, bottom2 - top);
    }
    /** Where the pixels of a layer are. Throws Unsuitable: it is gone, or empty. */
    layerBounds(layerId) {
      const layer = found(this.native.layers, layerId);
      if (!layer) throw new Unsuitable("The chosen layer is gone. Fix: choose another one.");
      const { left, top, right: right2, bottom: bottom2 } = layer.boundsNoEffects;
      const area = rect(left, top, right2 - left, bottom2 - top);
      if (!isEmpty(area)) return area;
      throw new Unsuitable(`The layer ${layer.name} is empty. Fix: choose another one.`);
    }
    /** Throws Unsuitable: it has no RGB colours, or a depth that is not known. */
    check() {
      if (this.native.mode !== import_photoshop2.constants.DocumentMode.RGB) {
        const fix = "choose Image > Mode > RGB Color";
        throw new Unsuitable(`${this.title} has no RGB colours. Fix: ${fix}.`);
      }
      if (!this.bits) {
        const fix = "choose Image > Mode > 8, 16 or 32 Bits/Channel";
        throw new Unsuitable(`${this.title} has a depth that cannot be edited. Fix: ${fix}.`);
      }
      if (this.native.quickMaskMode) {
        throw new Unsuitable("The quick mask is on. Fix: press Q to make a selection of it.");
      }
    }
  };
  function listed(layers) {
    return Array.from(layers ?? []).flatMap((layer) => {
      if (layer.kind === import_photoshop2.constants.LayerKind.GROUP) return listed(layer.layers);
      return [{ id: layer.id, name: layer.name }];
    });
  }
  function found(layers, id) {
    for (const layer of layers ?? []) {
      if (layer.id === id) return layer;
      const inside = layer.kind === import_photoshop2.constants.LayerKind.GROUP ? found(layer.layers, id) : null;
      if (inside) return inside;
    }
    return null;
  }

  // ../javascript_kit/failures.js
  var FAILED = "retouch.v1.Failed";
  var BLOCKED = "retouch.v1.Blocked";
  var RETRY = "google.rpc.RetryInfo";
  var RETRYABLE = ["unavailable", "resource_exhausted", "aborted", "deadline_exceeded"];
  var CODES = {
    400: "internal",
    401: "unauthenticated",
    403: "permission_denied",
    404: "unimplemented",
    429: "unavailable",
    502: "unavailable",
    503: "unavailable",
    504: "unavailable"
  };
  var RetouchError = class extends Error {
    constructor(message) {
      super(message);
      this.name = this.constructor.name;
    }
  };
  var NotRunning = class extends RetouchError {
  };
  var Lost = class extends RetouchError {
  };
  var Cancelled = class extends RetouchError {
    constructor(message, reason = "asked") {
      super(message);
      this.reason = reason;
    }
  };
  var Blocked = class extends RetouchError {
    constructor(stage, category, advice, fieldPath = "", clause = "") {
      const what = category + (clause ? ` in "${clause}"` : "");
      super(`Blocked by the ${stage} check (${what}). ${advice}`.trim());
      Object.assign(this, { stage, category, advice, fieldPath, clause });
    }
  };
  var Failed = class extends RetouchError {
    constructor(message, more = {}) {
      super(message);
      const { code = "", fieldPath = "", fix = "", retryable = false, retrySeconds = null } = more;
      Object.assign(this, { code, fieldPath, fix, retryable, retrySeconds, status: "" });
    }
  };
  function errorOfEvent(event) {
    if (event.blocked) return blockedOf(event.blocked);
    if (event.failed) return failedOf(event.failed);
    if (event.cancelled) {
      const reason = event.cancelled.reason ?? "asked";
      return new Cancelled(`The edit was cancelled (${reason}).`, reason);
    }
    return null;
  }
  function errorOfAnswer(error, status = 0) {
    const code = error.code || CODES[status] || "unknown";
    const words = error.message || `The daemon answered with HTTP status ${status}.`;
    const details = {};
    for (const each of error.details ?? []) {
      if (each.debug) details[String(each.type).split("/").pop()] = each.debug;
    }
    if (details[BLOCKED]) return blockedOf(details[BLOCKED]);
    const found2 = failureOf(code, words, details);
    found2.status = code;
    return found2;
  }
  function failureOf(code, words, details) {
    if (code === "unauthenticated") {
      const fix = "restart this program, or pair it again";
      return new Failed(`The daemon does not know this token. Fix: ${fix}.`, { code, fix });
    }
    const delay = parseFloat(details[RETRY]?.retryDelay ?? "");
    const retrySeconds = Number.isNaN(delay) ? null : delay;
    if (details[FAILED]) return failedOf(details[FAILED], words, retrySeconds);
    return new Failed(words, { code, retryable: RETRYABLE.includes(code), retrySeconds });
  }
  function blockedOf(sent) {
    const stage = (sent.stage ?? "").replace("GATE_STAGE_", "").toLowerCase().replaceAll("_", "-");
    const { category = "", advice = "", fieldPath = "", clause = "" } = sent;
    return new Blocked(stage, category, advice, fieldPath, clause);
  }
  function failedOf(sent, words = "", retrySeconds = null) {
    const { fix = "", fieldPath = "", retryable = false } = sent;
    let message = sent.message || words || "The edit failed.";
    if (fix && !message.includes(fix)) message = `${message.replace(/\.$/, "")}. Fix: ${fix}.`;
    const code = (sent.code ?? "").replace("ERROR_CODE_", "").toLowerCase();
    return new Failed(message, { code, fieldPath, fix, retryable, retrySeconds });
  }

  // ../javascript_kit/patience.js
  var Stopped = class extends Error {
  };
  var Stop = class {
    constructor() {
      this.isSet = false;
      this._heard = /* @__PURE__ */ new Set();
    }
    /** Stop, once and for all. */
    set() {
      this.isSet = true;
      for (const tell of [...this._heard]) tell();
      this._heard.clear();
    }
    /** Have a function called when it is set; return one that forgets it. */
    hear(tell) {
      if (this.isSet) tell();
      else this._heard.add(tell);
      return () => this._heard.delete(tell);
    }
    /** Wait for some seconds, or less when it is set. */
    wait(seconds) {
      return new Promise((resolve) => {
        const timer = setTimeout(() => done(), seconds * 1e3);
        let forget = () => {
        };
        const done = () => {
          clearTimeout(timer);
          forget();
          resolve();
        };
        forget = this.hear(done);
      });
    }
  };
  function gone(problem) {
    if (problem instanceof Failed) return problem.retryable;
    return problem instanceof NotRunning || problem instanceof Lost;
  }
  async function patiently(act, seconds, stop = new Stop()) {
    const ends = Date.now() + seconds * 1e3;
    let pause = 0.1;
    while (!stop.isSet) {
      let told = null;
      try {
        return await act();
      } catch (problem) {
        if (!gone(problem) || Date.now() >= ends) throw problem;
        told = problem.retrySeconds ?? null;
      }
      await stop.wait(Math.min(told ?? pause, Math.max(0, ends - Date.now()) / 1e3));
      pause = Math.min(2 * pause, 2);
    }
    throw new Stopped("stopped");
  }

  // ../javascript_kit/event_socket.js
  var SUBPROTOCOL = "retouch.v1.json";
  var UNAUTHENTICATED = 4401;
  var ABNORMAL = 1006;
  var EventSocket = class {
    constructor(address, token, clientName, Socket) {
      Object.assign(this, { address, token, clientName, Socket });
      this._socket = null;
      this._calls = /* @__PURE__ */ new Map();
      this._last = 0;
    }
    /**
     * Make a call with a stream of answers; ending the iteration cancels it.
     *
     * Throws Stopped, NotRunning, Lost, Failed, Blocked.
     */
    async *stream(method, message, stop = new Stop()) {
      const socket = await this._opened();
      const id = String(++this._last);
      const call = new Waiting();
      this._calls.set(id, call);
      const forget = stop.hear(() => call.end(new Stopped("stopped")));
      let over2 = false;
      try {
        socket.send(JSON.stringify({ id, method, message }));
        for (; ; ) {
          const frame = await call.next();
          if (frame === null) {
            over2 = true;
            return;
          }
          yield frame;
        }
      } catch (problem) {
        over2 = !(problem instanceof Stopped);
        throw problem;
      } finally {
        forget();
        this._calls.delete(id);
        if (!over2 && socket === this._socket && socket.readyState === 1) {
          socket.send(JSON.stringify({ id, cancel: true }));
        }
      }
    }
    /** Close it; what goes on over it is lost. */
    close() {
      this._socket?.close();
      this._broken(this._socket, new Lost("The connection to Retouch was closed. Fix: try again."));
    }
    async _opened() {
      if (this._socket?.readyState === 1) return this._socket;
      this._opening ??= this._open().finally(() => {
        this._opening = null;
      });
      return this._opening;
    }
    _open() {
      return new Promise((resolve, reject) => {
        const socket = new this.Socket(`ws://${this.address}/v1/events`, SUBPROTOCOL);
        socket.onopen = () => {
          socket.send(JSON.stringify({ token: this.token, client: this.clientName }));
          this._socket = socket;
          resolve(socket);
        };
        socket.onmessage = (event) => this._take(event.data);
        const over2 = (code) => {
          const problem = this._problem(code, socket === this._socket);
          this._broken(socket, problem);
          reject(problem);
        };
        socket.onclose = (event) => over2(event.code);
        socket.onerror = () => over2(ABNORMAL);
      });
    }
    _problem(code, wasOpen) {
      if (code === UNAUTHENTICATED) return errorOfAnswer({ code: "unauthenticated" });
      if (!wasOpen) {
        const fix = "start it with `retouch serve`";
        return new NotRunning(`Retouch does not answer at ${this.address}. Fix: ${fix}.`);
      }
      const words = `The connection to Retouch at ${this.address} broke (${code})`;
      return new Lost(`${words}. Fix: try again; see whether \`retouch serve\` still runs.`);
    }
    _broken(socket, problem) {
      if (socket !== this._socket) return;
      this._socket = null;
      for (const call of this._calls.values()) call.end(problem);
      this._calls.clear();
    }
    _take(text) {
      const frame = JSON.parse(text);
      const call = this._calls.get(String(frame.id));
      if (!call) return;
      if (frame.event) call.give(frame.event);
      if (frame.error) call.end(errorOfAnswer(frame.error));
      else if (frame.done) call.end(null);
    }
  };
  var Waiting = class {
    constructor() {
      this._frames = [];
      this._ended = void 0;
      this._wake = () => {
      };
    }
    give(frame) {
      this._frames.push(frame);
      this._wake();
    }
    /** End it: null = well, else with an error; what has come before is read first. */
    end(problem) {
      this._ended ??= { problem };
      if (problem instanceof Stopped) this._frames.length = 0;
      this._wake();
    }
    /** The next frame; null where there is none any more. */
    async next() {
      while (!this._frames.length) {
        if (this._ended) {
          if (this._ended.problem) throw this._ended.problem;
          return null;
        }
        await new Promise((resolve) => {
          this._wake = resolve;
        });
      }
      return this._frames.shift();
    }
  };

  // ../javascript_kit/client.js
  var OVER = ["done", "failed", "cancelled"];
  var Retouch = class _Retouch {
    constructor(address, token, clientName, options = {}) {
      const { timeout = 30, giveUp = 120 } = options;
      Object.assign(this, { address, token, clientName, timeout, giveUp });
      this._fetch = options.fetch ?? ((...given) => fetch(...given));
      this._socket = new EventSocket(address, token, clientName, options.WebSocket ?? WebSocket);
      this._known = /* @__PURE__ */ new WeakMap();
    }
    /**
     * Trade a code, which `retouch pair` shows, for a token. Keep it where the host keeps secrets,
     * and be ready to pair again.
     *
     * Throws Failed: a wrong or old code. NotRunning.
     */
    static async pair(address, code, clientName, options = {}) {
      const unpaired = new _Retouch(address, "", clientName, options);
      const body = JSON.stringify({ code: String(code).replace(/\D/g, ""), client: clientName });
      const headers = { "Content-Type": "application/json" };
      const answer = await unpaired._ask("POST", "/v1/pair", { body, headers, bare: true });
      return (await answer.json()).token;
    }
    /** Return who answers there, without a token: {product, version, needs}. Throws NotRunning. */
    async hello() {
      return (await this._ask("GET", "/v1/hello", { bare: true })).json();
    }
    /** Make a call with one answer: `call("EditService/Plan", {...})`. Throws RetouchError. */
    async call(method, message) {
      const headers = { "Content-Type": "application/json" };
      const body = JSON.stringify(message);
      const answer = await this._ask("POST", `/retouch.v1.${method}`, { body, headers });
      try {
        return await answer.json();
      } catch (problem) {
        const fix = "is something else listening there?";
        throw new Failed(`The answer is not Retouch's (${problem.message}). Fix: ${fix}`);
      }
    }
    /** Make a call with a stream of answers, an async iterator, which `stop` ends. */
    async *stream(method, message, stop = new Stop()) {
      try {
        yield* this._socket.stream(method, message, stop);
      } catch (problem) {
        if (!(problem instanceof Stopped)) throw problem;
      }
    }
    /**
     * Upload bytes; return their SHA-256, which the gateway computes. The same object is sent once,
     * unless the daemon has lost it.
     *
     * @param {Uint8Array} data must not change afterwards.
     */
    async put(data) {
      const known = this._known.get(data);
      if (known && (await this._ask("HEAD", `/v1/blobs/${known}`, {})).status === 200) {
        return known;
      }
      const headers = { "Content-Type": "application/octet-stream" };
      const patience = this.timeout + data.byteLength / 1e6;
      const whole2 = data.byteLength === data.buffer.byteLength;
      const body = whole2 ? data.buffer : data.slice().buffer;
      const answer = await this._ask("POST", "/v1/blobs", { body, headers, patience });
      const { sha256 } = await answer.json();
      this._known.set(data, sha256);
      return sha256;
    }
    /** Return the bytes of a blob as a Uint8Array; tried again where a download broke. */
    async get(sha256) {
      for (let left = 3; ; left--) {
        const answer = await this._ask("GET", `/v1/blobs/${sha256}`, {});
        try {
          return new Uint8Array(await answer.arrayBuffer());
        } catch (problem) {
          if (left <= 1) throw this._lost(problem);
        }
      }
    }
    /** Return the catalogue (`retouch.v1.Catalog`), for `panel_form.js`. */
    async describe() {
      return (await this.call("CatalogService/Describe", {})).catalog ?? {};
    }
    /** Return what a request would do (`retouch.v1.Plan`); changes nothing. */
    async plan(edit) {
      return (await this.call("EditService/Plan", { edit })).plan ?? {};
    }
    /** Submit an edit; return its job ({jobId, state ...}). Harmless twice with a clientJobId. */
    async submit(edit, replaceGroup = false) {
      return (await this.call("EditService/Submit", { edit, replaceGroup })).job ?? {};
    }
    /**
     * Follow a job to its end; yield its events once each, in order. Connects again by itself, and
     * waits `giveUp` seconds for a daemon that restarts.
     *
     * @param {string} jobId the daemon's name of the job.
     * @param {number} fromSeq number of the first event that is wanted.
     * @param {Stop} stop ends the iteration early; the job goes on.
     */
    async *watch(jobId, fromSeq = 0, stop = new Stop()) {
      let [ends, pause] = [0, 0.1];
      while (!stop.isSet) {
        try {
          const asked = { jobId, fromSeq: String(fromSeq) };
          for await (const answer of this.stream("EditService/Watch", asked, stop)) {
            const event = answer.event ?? {};
            fromSeq = Number(event.seq ?? fromSeq) + 1;
            [ends, pause] = [0, 0.1];
            yield event;
            if (OVER.some((kind) => kind in event)) return;
          }
          return;
        } catch (problem) {
          if (!(problem instanceof RetouchError) || !gone(problem)) throw problem;
          ends ||= Date.now() + this.giveUp * 1e3;
          if (Date.now() >= ends) throw this._away(problem);
        }
        await stop.wait(pause);
        pause = Math.min(2 * pause, 2);
      }
    }
    /** Cancel jobs of this client; return those that were told to stop. */
    async cancel(jobIds) {
      return (await this.call("EditService/Cancel", { jobIds })).jobIds ?? [];
    }
    /** Return this client's jobs (of one document), in the order in which they came. */
    async jobs(documentId = "") {
      return (await this.call("EditService/ListJobs", { documentId })).jobs ?? [];
    }
    /** Do something that is harmless twice; wait for a daemon that is gone. Throws Stopped. */
    patiently(act, stop = new Stop(), seconds = this.giveUp) {
      return patiently(act, seconds, stop);
    }
    /** Close the socket; jobs go on. The object can still be used. */
    close() {
      this._socket.close();
    }
    async _ask(method, path, { body, headers = {}, bare = false, patience = this.timeout }) {
      const shown2 = bare ? {} : { Authorization: `Bearer ${this.token}` };
      const named2 = { "Retouch-Client": this.clientName };
      const given = { method, body, headers: { ...headers, ...shown2, ...named2 } };
      let answer;
      try {
        answer = await this._inTime(this._fetch(`http://${this.address}${path}`, given), patience);
      } catch (problem) {
        if (problem instanceof RetouchError) throw problem;
        throw this._unreachable(problem);
      }
      if (answer.status >= 400 && method !== "HEAD") {
        throw errorOfAnswer(await answer.json().catch(() => ({})), answer.status);
      }
      return answer;
    }
    _inTime(answer, seconds) {
      let timer;
      const late = new Promise((_, reject) => {
        const words = new Error(`no answer for ${seconds} s`);
        timer = setTimeout(() => reject(this._lost(words)), seconds * 1e3);
      });
      return Promise.race([answer, late]).finally(() => clearTimeout(timer));
    }
    /** `fetch` says "failed" of everything: only a refused connection is said to be one by node. */
    _unreachable(problem) {
      const cause = problem.cause?.code ?? "";
      if (cause && cause !== "ECONNREFUSED") return this._lost(problem);
      const fix = "start it with `retouch serve`";
      return new NotRunning(`Retouch does not answer at ${this.address}. Fix: ${fix}.`);
    }
    _lost(problem) {
      const why = problem.cause?.code ?? problem.message;
      const words = `The connection to Retouch at ${this.address} broke (${why})`;
      return new Lost(`${words}. Fix: try again; see whether \`retouch serve\` still runs.`);
    }
    _away(problem) {
      const words = `Retouch at ${this.address} has been gone for ${this.giveUp} s`;
      const fix = "start it with `retouch serve`; the edit goes on there, see the history";
      return new Lost(`${words} (${problem.message.split(". Fix")[0]}). Fix: ${fix}.`);
    }
  };

  // src/session/daemon_connection.ts
  var import_uxp = __require("uxp");

  // src/session/panel_client.ts
  var END = 2;
  var HEAD = 5;
  var PanelClient = class extends Retouch {
    constructor(place, secret, name, options = {}) {
      super(place, secret, name, options);
      __publicField(this, "place", place);
      __publicField(this, "secret", secret);
      __publicField(this, "name", name);
      __publicField(this, "hasSocket", true);
    }
    async *stream(method, message, stop = new Stop()) {
      if (this.hasSocket) {
        try {
          yield* super.stream(method, message, stop);
          return;
        } catch (problem) {
          if (!(problem instanceof NotRunning)) throw problem;
          await this.hello();
          this.hasSocket = false;
        }
      }
      yield* this.whole(method, message, stop);
    }
    async *whole(method, message, stop) {
      const answer = fetch(`http://${this.place}/retouch.v1.${method}`, {
        method: "POST",
        body: framed(message),
        headers: {
          "Content-Type": "application/connect+json",
          Authorization: `Bearer ${this.secret}`,
          "Retouch-Client": this.name
        }
      }).then((found2) => found2.arrayBuffer());
      const body = await untilStopped(answer, stop);
      if (body) yield* frames(new Uint8Array(body));
    }
  };
  function framed(message) {
    const text = JSON.stringify(message).replace(/[^ -~]/g, (each) => {
      return `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`;
    });
    const found2 = new Uint8Array(HEAD + text.length);
    new DataView(found2.buffer).setUint32(1, text.length);
    for (let i = 0; i < text.length; i++) found2[HEAD + i] = text.charCodeAt(i);
    return found2.buffer;
  }
  async function* frames(body) {
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    for (let at = 0; at + HEAD <= body.length; ) {
      const [flag, length] = [view.getUint8(at), view.getUint32(at + 1)];
      const part = body.slice(at + HEAD, at + HEAD + length);
      const message = await new Response(part).json();
      if (flag & END) {
        if (message.error) throw errorOfAnswer(message.error);
        return;
      }
      yield message;
      at += HEAD + length;
    }
    throw new NotRunning("The answer of Retouch was cut. Fix: start it with `retouch serve`.");
  }
  function untilStopped(wanted, stop) {
    return new Promise((resolve, reject) => {
      const forget = stop.hear(() => reject(new Stopped("stopped")));
      const over2 = (tell) => {
        forget();
        tell();
      };
      wanted.then(
        (found2) => over2(() => resolve(found2)),
        () => over2(() => reject(new NotRunning("Retouch is gone. Fix: run `retouch serve`.")))
      );
    });
  }

  // src/session/daemon_connection.ts
  var CLIENT_NAME = "photoshop";
  var TOKEN = "retouch.token";
  var [LOOK, GLANCE] = [2e3, 5e3];
  var SOON = 5;
  var ADDRESS = globalThis.RETOUCH_ADDRESS ?? "127.0.0.1:7862";
  var PLACES = [ADDRESS, ADDRESS.replace("127.0.0.1", "localhost")];
  var DaemonConnection = class {
    constructor(heard) {
      __publicField(this, "heard", heard);
      __publicField(this, "retouch", null);
      __publicField(this, "token", "");
      __publicField(this, "place", ADDRESS);
    }
    /** Look for the daemon, again and again. */
    async start() {
      this.token = await readToken();
      const again = async () => {
        await this.look();
        setTimeout(again, this.retouch ? GLANCE : LOOK);
      };
      await again();
    }
    /** Trade a code of `retouch pair` for a token. Throws RetouchError: one sentence. */
    async pair(code) {
      this.token = await Retouch.pair(this.place, code, CLIENT_NAME);
      await import_uxp.storage.secureStorage.setItem(TOKEN, this.token).catch(() => {
      });
      await this.look();
    }
    async look() {
      try {
        if (this.retouch) await this.retouch.hello();
        else await this.find();
      } catch (problem) {
        this.retouch = null;
        if (isStranger(problem)) this.refused();
        else this.heard.onMissing(sentence(problem));
      }
    }
    async find() {
      let first = null;
      for (const place of PLACES) {
        try {
          await this.meet(place);
          this.place = place;
          return;
        } catch (problem) {
          if (!(problem instanceof NotRunning)) throw problem;
          first ??= problem;
        }
      }
      throw first;
    }
    async meet(place) {
      const found2 = new PanelClient(place, this.token, CLIENT_NAME);
      if (!this.token) {
        await new Retouch(place, "", CLIENT_NAME, { timeout: SOON }).hello();
        this.heard.onStranger();
        return;
      }
      const catalog = await found2.describe();
      this.retouch = found2;
      this.heard.onFound(catalog);
    }
    /** The daemon has refused the token during an edit: ask for a code. */
    refused() {
      if (!this.token) return;
      this.token = "";
      this.retouch = null;
      this.heard.onStranger();
    }
  };
  function isStranger(problem) {
    if (!(problem instanceof Failed)) return false;
    const { status } = problem;
    return status === "unauthenticated" || status === "permission_denied";
  }
  async function readToken() {
    try {
      const bytes = await import_uxp.storage.secureStorage.getItem(TOKEN);
      return bytes ? String.fromCharCode(...bytes) : "";
    } catch {
      return "";
    }
  }

  // src/session/stored_list.ts
  function stored(key) {
    try {
      const found2 = JSON.parse(localStorage.getItem(key) ?? "[]");
      return Array.isArray(found2) ? found2 : [];
    } catch {
      return [];
    }
  }
  function store(key, list) {
    try {
      localStorage.setItem(key, JSON.stringify(list));
    } catch {
      return;
    }
  }

  // src/session/edits_at_work.ts
  var KEY = "retouch.edits-at-work";
  var MOST = 50;
  function addAtWork(entry) {
    store(KEY, [entry, ...without(entry.jobId)].slice(0, MOST));
  }
  function removeAtWork(jobId) {
    store(KEY, without(jobId));
  }
  function atWorkIn(document2, exceptJobs) {
    const mine = stored(KEY).filter((each) => each.document === document2);
    return mine.find((each) => !exceptJobs.includes(each.jobId)) ?? null;
  }
  function without(jobId) {
    return stored(KEY).filter((each) => each.jobId !== jobId);
  }

  // src/session/history.ts
  var KEY2 = "retouch.history";
  var MOST2 = 200;
  function addToHistory(document2, mode2, title, result) {
    const entry = {
      document: document2,
      time: (/* @__PURE__ */ new Date()).toISOString(),
      mode: mode2,
      title,
      recipe: toRecipe(choicesOf(result.effective)),
      seed: result.seed,
      receipt: result.receiptId
    };
    store(KEY2, [entry, ...stored(KEY2)].slice(0, MOST2));
  }
  function historyOf(document2) {
    return stored(KEY2).filter((each) => each.document === document2);
  }
  function moveHistory(from, to) {
    const moved = (each) => each.document === from ? { ...each, document: to } : each;
    store(KEY2, stored(KEY2).map(moved));
  }
  function remembered(entry) {
    const chosen = ofRecipe(entry.recipe);
    const given = Object.entries(valuesOf(chosen)).filter(([, value]) => value !== "");
    const operations = chosen.operations.map((each) => each.name);
    const mode2 = entry.mode || modeOf(chosen);
    return { mode: mode2, values: Object.fromEntries(given), operations };
  }
  function wordsOf2({ time, title, seed }) {
    const when = new Date(time);
    const [hours, minutes] = [when.getHours(), when.getMinutes()].map(
      (each) => String(each).padStart(2, "0")
    );
    return `${hours}:${minutes}  ${title} (${seed})`;
  }

  // ../javascript_kit/pixel_rows.js
  var SAMPLES = { UINT8: 1, UINT16: 2, FLOAT16: 2, FLOAT32: 4 };
  var ONE = { UINT8: [255], UINT16: [255, 255], FLOAT16: [0, 60], FLOAT32: [0, 0, 128, 63] };
  function extended(pixels, [width, height], area, pixelBytes) {
    const found2 = new Uint8Array(area.width * area.height * pixelBytes);
    const columns = Array.from({ length: area.width }, (_, i) => mirrored(area.x + i, width));
    let to = 0;
    for (let y = area.y; y < bottom(area); y++) {
      const begin = mirrored(y, height) * width;
      for (const column of columns) {
        const from = (begin + column) * pixelBytes;
        for (let i = 0; i < pixelBytes; i++) found2[to++] = pixels[from + i];
      }
    }
    return found2;
  }
  var expansionMask = (size, kept) => twoValues(size, kept, 0, 255);
  var rectangleMask = (size, area) => twoValues(size, area, 255, 0);
  function opaque(pixels, sampleType2) {
    const one = ONE[sampleType2];
    const found2 = pixels.slice();
    for (let at = 3 * one.length; at < found2.length; at += 4 * one.length) found2.set(one, at);
    return found2;
  }
  function alphaBytes(pixels, sampleType2) {
    const size = SAMPLES[sampleType2];
    const alpha = new Uint8Array(pixels.length / 4);
    for (let at = 0; at < alpha.length; at += size) {
      for (let i = 0; i < size; i++) alpha[at + i] = pixels[4 * at + 3 * size + i];
    }
    return to8bit(alpha, sampleType2);
  }
  function to8bit(samples, sampleType2) {
    if (sampleType2 === "UINT8") return samples;
    const size = SAMPLES[sampleType2];
    const found2 = new Uint8Array(samples.length / size);
    const view = new DataView(samples.buffer, samples.byteOffset, samples.byteLength);
    for (let i = 0; i < found2.length; i++) {
      if (sampleType2 === "UINT16") found2[i] = samples[2 * i + 1];
      else {
        const value = size === 4 ? view.getFloat32(4 * i, true) : half(view.getUint16(2 * i, true));
        if (value > 1) found2[i] = 255;
        else if (value >= 0) found2[i] = Math.floor(255 * value + 0.5);
      }
    }
    return found2;
  }
  function scaled(pixels, [width, height], [newWidth, newHeight], pixelBytes) {
    const found2 = new Uint8Array(newWidth * newHeight * pixelBytes);
    const from = (i, of, wanted) => Math.floor((2 * i + 1) * of / (2 * wanted));
    let to = 0;
    for (let y = 0; y < newHeight; y++) {
      const begin = from(y, height, newHeight) * width;
      for (let x = 0; x < newWidth; x++) {
        const at = (begin + from(x, width, newWidth)) * pixelBytes;
        for (let i = 0; i < pixelBytes; i++) found2[to++] = pixels[at + i];
      }
    }
    return found2;
  }
  function mirrored(at, length) {
    const phase = (at % (2 * length) + 2 * length) % (2 * length);
    return phase < length ? phase : 2 * length - 1 - phase;
  }
  function twoValues([width, height], area, inside, outside2) {
    const found2 = new Uint8Array(width * height).fill(outside2);
    const part = clipped(area, rect(0, 0, width, height));
    if (isEmpty(part)) return found2;
    for (let y = part.y; y < bottom(part); y++) {
      found2.fill(inside, y * width + part.x, y * width + right(part));
    }
    return found2;
  }
  function half(bits) {
    const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, bits >> 10 & 31, bits & 1023];
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }

  // ../javascript_kit/pictures.js
  var CHANNELS = { GRAY: 1, GRAY_ALPHA: 2, RGB: 3, RGBA: 4, BGRA: 4 };
  var Picture = class {
    /**
     * @param {Uint8Array} data top row first, channels interleaved, little-endian; or a file.
     * @param {object} form `width`, `height` (none: a file), `channelOrder`, `sampleType`, `profile`
     *   ("srgb" or the Uint8Array of an ICC profile; null = sRGB, of a file its own), `rowStride`,
     *   `whiteValue` (Photoshop's 16 bits without fullRange: 32768), `premultiplied`.
     *
     * Throws RangeError: bytes that do not fit the size; unknown names.
     */
    constructor(data, form = {}) {
      const { width = 0, height = 0, channelOrder = "RGBA", sampleType: sampleType2 = "UINT8" } = form;
      const { profile: profile2 = null, rowStride = 0, whiteValue = 0, premultiplied = false } = form;
      Object.assign(this, { data, width, height, channelOrder, sampleType: sampleType2, profile: profile2 });
      Object.assign(this, { rowStride, whiteValue, premultiplied });
      if (width || height) this._check();
      Object.freeze(this);
    }
    get isFile() {
      return !this.width;
    }
    get pixelBytes() {
      return CHANNELS[this.channelOrder] * SAMPLES[this.sampleType];
    }
    _check() {
      for (const [name, known] of [["channelOrder", CHANNELS], ["sampleType", SAMPLES]]) {
        if (!(this[name] in known)) {
          const words = Object.keys(known).join(", ");
          throw new RangeError(`${name} '${this[name]}' is not known. Fix: use ${words}.`);
        }
      }
      const row = this.width * this.pixelBytes;
      const wanted = (this.rowStride || row) * (this.height - 1) + row;
      const { length } = this.data;
      const empty = this.width < 1 || this.height < 1;
      if (empty || length < wanted || !this.rowStride && length !== wanted) {
        const size = `${this.width}x${this.height} ${this.channelOrder} ${this.sampleType}`;
        const words = `a picture of ${size} has ${wanted} bytes, not ${length}`;
        throw new RangeError(`${words}. Fix: read the same rectangle that is named.`);
      }
    }
  };
  async function reference(picture2, keep) {
    const found2 = { sha256: await keep(picture2.data), sizeBytes: String(picture2.data.length) };
    if (!picture2.isFile) {
      found2.raw = {
        size: { width: picture2.width, height: picture2.height },
        channelOrder: `CHANNEL_ORDER_${picture2.channelOrder}`,
        sampleType: `SAMPLE_TYPE_${picture2.sampleType}`,
        rowStrideBytes: picture2.rowStride,
        whiteValue: picture2.whiteValue,
        alphaMode: `ALPHA_MODE_${picture2.premultiplied ? "PREMULTIPLIED" : "STRAIGHT"}`
      };
    }
    if (picture2.profile instanceof Uint8Array) {
      found2.colorProfile = { iccSha256: await keep(picture2.profile) };
    } else if (picture2.profile) found2.colorProfile = { name: picture2.profile };
    return found2;
  }
  function pictureOf(sent, data, profile2 = null) {
    if (!sent.raw) return new Picture(data, { profile: profile2 });
    const { size = {}, channelOrder = "", sampleType: sampleType2 = "", rowStrideBytes = 0 } = sent.raw;
    return new Picture(data, {
      width: size.width ?? 0,
      height: size.height ?? 0,
      channelOrder: channelOrder.replace("CHANNEL_ORDER_", ""),
      sampleType: sampleType2.replace("SAMPLE_TYPE_", ""),
      profile: profile2,
      rowStride: rowStrideBytes
    });
  }
  var isReference = (value) => typeof value?.sha256 === "string";

  // ../javascript_kit/edit_events.js
  var WORDS2 = {
    load: "Loading the model",
    encode: "Reading the picture",
    invert: "Finding the picture's noise",
    denoise: "Painting",
    decode: "Developing",
    rank: "Choosing the best",
    check: "Checking and signing"
  };
  var UPLOAD = 0.05;
  var PAINTED = 0.99;
  async function readPreview(event, crop, fetchBlob) {
    const { variant = 0, image, bounds } = event.preview;
    const small2 = await picture(image, fetchBlob);
    return { variant, picture: small2, bounds: placed(rectOf(bounds), crop) };
  }
  async function readResult(event, crop, fetchBlob) {
    const { variant = 0, patch, composited, bounds, seed = "0", ...more } = event.result;
    const found2 = await picture(patch ?? composited, fetchBlob);
    return {
      variant,
      picture: found2,
      mask: found2.isFile ? new Uint8Array(0) : alphaBytes(found2.data, found2.sampleType),
      bounds: placed(rectOf(bounds), crop),
      seed,
      receiptId: more.receiptId ?? "",
      receipt: more.receipt ?? "",
      effective: more.effective ?? {},
      settings: more.settings ?? {}
    };
  }
  async function picture(sent, fetchBlob) {
    const profile2 = sent.colorProfile?.iccSha256;
    const icc = profile2 ? await fetchBlob(profile2) : null;
    return pictureOf(sent, await fetchBlob(sent.sha256), icc);
  }
  var ProgressBar = class {
    constructor() {
      this._phases = [];
      this._share = 0;
    }
    /** So many bytes of so many are there. */
    uploaded(sent, of) {
      return this._told(UPLOAD * sent / Math.max(1, of), "Uploading", null);
    }
    /** Return how far the edit is after an event; null where that is about something else. */
    take(event) {
      if (event.phases) {
        this._phases = event.phases.phases ?? [];
        return this._told(UPLOAD, "Preparing", null);
      }
      if (event.queued) {
        const before = event.queued.position ?? 0;
        const words = before ? `Waiting, ${before} before it` : "Waiting";
        return { share: null, words, remaining: null };
      }
      if (event.updated?.paused) {
        return { share: this._share || null, words: "Paused", remaining: null };
      }
      return event.progress ? this._step(event.progress) : null;
    }
    _step({ phase = 0, step = 0, ofSteps = 1, remaining = "" }) {
      const of = Math.max(1, ofSteps);
      const shares = this._phases.map((each) => each.share ?? 0);
      const before = shares.slice(0, phase).reduce((sum, each) => sum + each, 0);
      const done = before + (shares[phase] ?? 0) * step / of;
      const words = done > PAINTED ? WORDS2.check : this._words(phase, step, of);
      const left = remaining ? parseFloat(remaining) : null;
      return this._told(UPLOAD + (PAINTED - UPLOAD) * Math.min(1, done), words, left);
    }
    _words(phase, step, of) {
      const name = this._phases[phase]?.name ?? "";
      const words = WORDS2[name] ?? (name ? name.charAt(0).toUpperCase() + name.slice(1) : "Working");
      return of > 1 ? `${words}, ${step} of ${of}${name === "load" ? " MiB" : ""}` : words;
    }
    _told(share, words, remaining) {
      this._share = Math.max(this._share, share);
      return { share: this._share, words, remaining };
    }
  };

  // ../javascript_kit/edit_request.js
  var CUSTOM = "type.googleapis.com/retouch.v1.CustomOperation";
  var ABOUT_MASK = ["soft_mask"];
  var Snapshot = class {
    /**
     * @param {object} crop the part of the document that was read (`geometry.region`).
     * @param {Picture} picture the pixels of the crop; its size is the crop's.
     * @param {object} more `mask`: soft selection of the crop, one byte per pixel, 255 = edit fully;
     *   `selection`: a rectangle of the document, where there is no mask; `documentId`.
     *
     * Throws RangeError: a picture or a mask of another size than the crop's.
     */
    constructor(crop, picture2, { mask = null, selection = null, documentId = "" } = {}) {
      Object.assign(this, { crop, picture: picture2, mask, selection, documentId });
      if (isEmpty(crop)) {
        throw new RangeError("There is nothing to edit. Fix: select a part of the canvas.");
      }
      const same = picture2.width === crop.width && picture2.height === crop.height;
      if (!picture2.isFile && !same) {
        const sizes = `${picture2.width}x${picture2.height}, the crop ${crop.width}x${crop.height}`;
        throw new RangeError(`the picture is ${sizes}. Fix: read the crop's rectangle.`);
      }
      checkMask("mask", mask, crop);
      Object.freeze(this);
    }
  };
  function expansionSnapshot(plan, picture2, documentId = "") {
    const { read, crop } = plan;
    const same = picture2.width === read.width && picture2.height === read.height;
    if (picture2.isFile || picture2.rowStride || !same) {
      const words = `packed rows of ${read.width}x${read.height} are needed`;
      throw new RangeError(`${words}. Fix: read the rectangle of the plan.`);
    }
    const size = [read.width, read.height];
    const data = extended(picture2.data, size, relative(crop, read), picture2.pixelBytes);
    const whole2 = new Picture(data, { ...picture2, width: crop.width, height: crop.height });
    const mask = expansionMask([crop.width, crop.height], relative(plan.kept, crop));
    return new Snapshot(crop, whole2, { mask, documentId });
  }
  async function prepare(snapshot, given, keep) {
    const chosen = choicesWith(given);
    const { crop, picture: picture2 } = snapshot;
    const request = {
      clientJobId: freshName(),
      group: chosen.group,
      documentId: snapshot.documentId.slice(0, 128),
      priority: `PRIORITY_CLASS_${chosen.priority.toUpperCase()}`,
      canvas: { source: await reference(picture2, keep), context: { wholeCanvas: true } },
      prompt: { text: chosen.prompt, negative: chosen.negative },
      model: chosen.model,
      sampling: samplingOf(chosen),
      operations: [],
      output: {
        count: chosen.variants,
        delivery: "DELIVERY_PATCH",
        mediaType: "application/octet-stream",
        channelOrder: `CHANNEL_ORDER_${picture2.channelOrder === "BGRA" ? "BGRA" : "RGBA"}`,
        preview: { everySteps: chosen.previewEvery, maxSidePx: chosen.previewSide }
      }
    };
    for (const each of chosen.operations) {
      request.operations.push(await operationOf2(each, crop, keep));
    }
    if (chosen.workingSize) request.canvas.workingSize = workingSizeOf(chosen.workingSize);
    const mask = maskOf(snapshot, chosen);
    if (mask) {
      const message = await maskMessage(mask, crop, keep);
      request.mask = { ...message, growPx: chosen.grow, featherPx: chosen.feather };
    }
    return request;
  }
  function maskOf({ crop, mask, selection }, chosen) {
    const size = [crop.width, crop.height];
    if (mask) return mask;
    if (selection) return rectangleMask(size, relative(selection, crop));
    const about = chosen.operations.some((each) => ABOUT_MASK.includes(each.name));
    return about ? rectangleMask(size, rect(0, 0, ...size)) : null;
  }
  async function maskMessage(mask, crop, keep) {
    const form = { width: crop.width, height: crop.height, channelOrder: "GRAY" };
    const image = await reference(new Picture(mask, form), keep);
    return { image, polarity: "MASK_POLARITY_EDIT_WHITE" };
  }
  function samplingOf({ sampler, steps, seed }) {
    const found2 = { sampler };
    if (steps !== null) found2.steps = steps;
    if (seed === null) found2.seedMode = "SEED_MODE_RANDOM";
    else found2.seeds = [String(seed)];
    return found2;
  }
  function workingSizeOf(size) {
    if (Array.isArray(size)) return { size: { width: size[0], height: size[1] } };
    return { longSidePx: size };
  }
  async function operationOf2({ name, parameters = {} }, crop, keep) {
    const custom = { "@type": CUSTOM, name };
    const message = { custom };
    for (const [key, value] of Object.entries(parameters)) {
      if (value === null || value === void 0) continue;
      const several = Array.isArray(value) ? value : [value];
      if (key === "mask") message.region = await regionOf(name, value, crop, keep);
      else if (key === "start" || key === "stop") message[key] = value;
      else if (value instanceof Uint8Array) {
        (custom.masks ??= {})[key] = await checkedMask(`${name}.${key}`, value, crop, keep);
      } else if (several.length && several.every((e) => e instanceof Picture || isReference(e))) {
        const images = [];
        for (const each of several) {
          images.push(each instanceof Picture ? await reference(each, keep) : each);
        }
        (custom.images ??= {})[key] = { images };
      } else if (value.polarity) (custom.masks ??= {})[key] = value;
      else (custom.parameters ??= {})[key] = value;
    }
    return message;
  }
  async function regionOf(name, value, crop, keep) {
    if (value instanceof Uint8Array) {
      return { mask: await checkedMask(`${name}.mask`, value, crop, keep) };
    }
    return "width" in value ? { rect: relative(value, crop) } : value;
  }
  async function checkedMask(name, mask, crop, keep) {
    checkMask(name, mask, crop);
    return maskMessage(mask, crop, keep);
  }
  function checkMask(name, mask, crop) {
    if (mask && mask.length !== crop.width * crop.height) {
      const words = `${name} has ${mask.length} bytes, the crop ${crop.width}x${crop.height} pixels`;
      throw new RangeError(`${words}. Fix: give one byte per pixel of the crop.`);
    }
  }
  function freshName() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // ../javascript_kit/edit_task.js
  var PAUSE = 50;
  var FAREWELL = 10;
  var EditTask = class _EditTask {
    /**
     * @param {Retouch} retouch the daemon.
     * @param {Snapshot} snapshot what was read of the document.
     * @param {object} choices what to do.
     * @param {object} told `onProgress`, `onPreview`, `onResult`: of `edit_events.js`; `onEnd`: this
     *   task, exactly once, after everything else. Callbacks may be async; they are waited for.
     * @param {boolean} replaceGroup whether earlier jobs of the same group are cancelled.
     */
    constructor(retouch, snapshot, choices2, told = {}, replaceGroup = false) {
      const begin = (keep) => prepare(snapshot, choices2, keep);
      Object.assign(this, { state: "new", error: null, jobId: "", results: 0, finished: null });
      this._given = { retouch, crop: snapshot.crop, begin, told, replaceGroup };
      this._stop = new Stop();
      this._bar = new ProgressBar();
      this._seen = /* @__PURE__ */ new Set();
      this._reported = 0;
      this._clientJobId = "";
    }
    /** Return a task for a request that is ready: a replay on pixels that are uploaded. */
    static ofRequest(retouch, request, crop, told = {}, replaceGroup = false) {
      const task = new _EditTask(retouch, { crop }, {}, told, replaceGroup);
      task._given.begin = async () => request;
      return task;
    }
    /** Begin; return the task itself, whose `finished` is a promise of the task. */
    start() {
      this.finished ??= this._run();
      return this;
    }
    /** Stop exactly this job; returns at once. Harmless when it is over. */
    cancel() {
      this._stop.set();
    }
    async _run() {
      this.state = "running";
      let ended = "failed";
      try {
        await this._work();
        ended = "done";
      } catch (problem) {
        ended = problem instanceof Stopped || problem instanceof Cancelled ? "cancelled" : "failed";
        this.error = problem instanceof Stopped ? null : errorOf(problem);
        if (problem instanceof Stopped) await this._cancelInDaemon();
      }
      this.state = ended;
      await this._given.told.onEnd?.(this);
      return this;
    }
    async _work() {
      const { retouch, told } = this._given;
      const request = await this._given.begin((data) => this._kept(data));
      this.jobId = await this._submitted(request);
      let refused = null;
      for await (const event of retouch.watch(this.jobId, 0, this._stop)) {
        const problem = errorOfEvent(event);
        if (problem instanceof Blocked) refused = problem;
        else if (problem) throw problem;
        else await this._take(event);
        if (event.done) {
          this.error = refused;
          if (refused && !event.done.released) throw refused;
          await told.onProgress?.({ share: 1, words: "Done", remaining: 0 });
          return;
        }
      }
      if (this._stop.isSet) throw new Stopped("stopped");
      throw new Lost("The edit ended without a word. Fix: look in the history, or edit again.");
    }
    async _kept(data) {
      if (this._stop.isSet) throw new Stopped("stopped");
      await this._report(this._bar.uploaded(0, data.length));
      const { retouch } = this._given;
      return retouch.patiently(() => retouch.put(data), this._stop);
    }
    async _submitted(request) {
      const { retouch, replaceGroup, begin } = this._given;
      const submit = (asked) => retouch.patiently(() => retouch.submit(asked, replaceGroup), this._stop);
      this._clientJobId = request.clientJobId;
      try {
        return (await submit(request)).jobId;
      } catch (problem) {
        const lost = problem.code === "invalid_image" && problem.fieldPath?.endsWith("sha256");
        if (!lost) throw problem;
        const again = await begin((data) => this._kept(data));
        return (await submit({ ...again, clientJobId: this._clientJobId })).jobId;
      }
    }
    async _take(event) {
      const { retouch, crop, told } = this._given;
      const fetchBlob = (sha256) => retouch.get(sha256);
      if (event.preview && told.onPreview) {
        try {
          await told.onPreview(await readPreview(event, crop, fetchBlob));
        } catch (problem) {
          if (!(problem instanceof RetouchError)) throw problem;
          return;
        }
      } else if (event.result) await this._takeResult(event, fetchBlob);
      const progress = this._bar.take(event);
      if (progress) await this._report(progress, progress.share === null);
    }
    async _takeResult(event, fetchBlob) {
      const { retouch, crop, told } = this._given;
      const variant = event.result.variant ?? 0;
      if (this._seen.has(variant)) return;
      const read = () => readResult(event, crop, fetchBlob);
      const result = await retouch.patiently(read, this._stop);
      this._seen.add(variant);
      this.results += 1;
      await told.onResult?.(result);
    }
    async _report(progress, atOnce = false) {
      const now = Date.now();
      if (!atOnce && now - this._reported < PAUSE) return;
      this._reported = now;
      await this._given.told.onProgress?.(progress);
    }
    /** Tell the daemon, too; where it is gone meanwhile, the job may end by itself. */
    async _cancelInDaemon() {
      const { retouch } = this._given;
      if (!this._clientJobId) return;
      const cancel = async () => {
        if (!this.jobId) {
          const mine = await retouch.jobs();
          this.jobId = mine.find((each) => each.clientJobId === this._clientJobId)?.jobId ?? "";
        }
        if (this.jobId) await retouch.cancel([this.jobId]);
      };
      await retouch.patiently(cancel, new Stop(), FAREWELL).catch(() => {
      });
    }
  };
  function errorOf(problem) {
    if (problem instanceof RetouchError) return problem;
    if (problem instanceof RangeError) {
      return new Failed(problem.message, { code: "invalid_request" });
    }
    const words = `The plugin failed: ${problem.name}: ${problem.message}`;
    const fix = "try again; report it if it stays";
    return new Failed(`${words}. Fix: ${fix}.`, { code: "internal", fix });
  }

  // src/photoshop/modal.ts
  var import_photoshop3 = __require("photoshop");
  var BUSY = 9;
  var PAUSE2 = 0.4;
  var SHORT = 3;
  var Busy = class extends Error {
    constructor() {
      super("Photoshop is busy. Fix: end the tool or close the dialog that is open, then try again.");
    }
  };
  var Interrupted = class extends Error {
    constructor() {
      super("Photoshop was told to stop; the document is as it was. Fix: try again.");
    }
  };
  async function inModal(commandName, act, { patience = SHORT, onWait, stop = new Stop() } = {}) {
    const ends = Date.now() + patience * 1e3;
    let tell = onWait;
    while (!stop.isSet) {
      let begun = false;
      let own = null;
      const watched = async (context) => {
        begun = true;
        return act(context).catch((problem) => {
          own = problem;
          throw problem;
        });
      };
      try {
        return await import_photoshop3.core.executeAsModal(watched, { commandName });
      } catch (problem) {
        if (begun || !isBusy(problem)) throw own ?? problem;
        if (Date.now() >= ends) throw new Busy();
      }
      tell?.();
      tell = void 0;
      await stop.wait(PAUSE2);
    }
    throw new Stopped("stopped");
  }
  function checkGoingOn(context) {
    if (context.isCancelled) throw new Interrupted();
  }
  function isBusy(problem) {
    return problem?.number === BUSY;
  }

  // src/photoshop/panel_picture.ts
  var import_photoshop4 = __require("photoshop");

  // src/photoshop/icc_profile.ts
  var SRGB_CURVE = [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045];
  var SRGB_COLORANTS = [
    [0.43607, 0.22249, 0.01392],
    [0.38515, 0.71687, 0.09708],
    [0.14307, 0.06061, 0.7141]
  ];
  var SPACES = {
    "sRGB IEC61966-2.1": { colorants: SRGB_COLORANTS, curve: SRGB_CURVE },
    "Adobe RGB (1998)": {
      colorants: [
        [0.60974, 0.31111, 0.01947],
        [0.20528, 0.62567, 0.06087],
        [0.14919, 0.06322, 0.74457]
      ],
      curve: 563 / 256
    },
    "Display P3": {
      colorants: [
        [0.51512, 0.2412, -105e-5],
        [0.29198, 0.69225, 0.04189],
        [0.1571, 0.06657, 0.78407]
      ],
      curve: SRGB_CURVE
    },
    "ProPhoto RGB": {
      colorants: [
        [0.79767, 0.28804, 0],
        [0.13519, 0.71188, 0],
        [0.03134, 9e-5, 0.82491]
      ],
      curve: 1.8
    }
  };
  var D50 = [0.9642, 1, 0.82491];
  var HEADER = 128;
  function iccProfile(name, linear = false) {
    const space = SPACES[name];
    if (!space) return null;
    const curve = parametric(linear ? 1 : space.curve);
    const text = `${name}${linear ? " linear" : ""}`;
    const [red, green, blue] = space.colorants.map(xyz);
    return profile([
      ["desc", unicode(text)],
      ["cprt", unicode("CC0")],
      ["wtpt", xyz(D50)],
      ["rXYZ", red],
      ["gXYZ", green],
      ["bXYZ", blue],
      ["rTRC", curve],
      ["gTRC", curve],
      ["bTRC", curve]
    ]);
  }
  function profile(tags) {
    const table = HEADER + 4 + 12 * tags.length;
    const places2 = /* @__PURE__ */ new Map();
    let size = table;
    for (const [, data] of tags) {
      if (places2.has(data)) continue;
      places2.set(data, size);
      size += Math.ceil(data.length / 4) * 4;
    }
    const found2 = new Uint8Array(size);
    const view = new DataView(found2.buffer);
    writeHeader(found2, view, size);
    view.setUint32(HEADER, tags.length);
    tags.forEach(([name, data], index) => {
      const at = HEADER + 4 + 12 * index;
      const place = places2.get(data) ?? 0;
      found2.set(ascii(name), at);
      view.setUint32(at + 4, place);
      view.setUint32(at + 8, data.length);
      found2.set(data, place);
    });
    return found2;
  }
  function writeHeader(found2, view, size) {
    view.setUint32(0, size);
    view.setUint32(8, 70254592);
    found2.set(ascii("mntrRGB XYZ "), 12);
    [2022, 1, 1, 0, 0, 0].forEach((part, index) => view.setUint16(24 + 2 * index, part));
    found2.set(ascii("acsp"), 36);
    D50.forEach((value, index) => view.setInt32(68 + 4 * index, fixed(value)));
  }
  var ascii = (text) => Uint8Array.from(text, (each) => each.charCodeAt(0));
  var fixed = (value) => Math.round(value * 65536);
  var xyz = (values) => numbers("XYZ ", values.map(fixed));
  function parametric(curve) {
    const given = Array.isArray(curve) ? curve : [curve];
    const found2 = numbers("para", [0, ...given.map(fixed)]);
    new DataView(found2.buffer).setUint16(8, Array.isArray(curve) ? 3 : 0);
    return found2;
  }
  function numbers(kind, values) {
    const found2 = new Uint8Array(8 + 4 * values.length);
    const view = new DataView(found2.buffer);
    found2.set(ascii(kind));
    values.forEach((value, index) => view.setInt32(8 + 4 * index, value));
    return found2;
  }
  function unicode(text) {
    const found2 = new Uint8Array(28 + 2 * text.length);
    const view = new DataView(found2.buffer);
    found2.set(ascii("mluc"));
    view.setUint32(8, 1);
    view.setUint32(12, 12);
    found2.set(ascii("enUS"), 16);
    view.setUint32(20, 2 * text.length);
    view.setUint32(24, 28);
    Array.from(text, (each, index) => view.setUint16(28 + 2 * index, each.charCodeAt(0)));
    return found2;
  }

  // src/photoshop/sample_form.ts
  var SRGB = "sRGB IEC61966-2.1";
  var LINEAR = /\s*\(Linear RGB Profile\)$/;
  function sampleForm(document2) {
    const bits = document2.bits || 8;
    const linear = bits === 32;
    const name = document2.profileName.replace(LINEAR, "");
    const known = iccProfile(name || SRGB, linear);
    const form = { bits, sampleType: sampleType(bits) };
    if (known) {
      const isSrgb = !linear && (name === SRGB || !name);
      const written = name || void 0;
      return { ...form, profile: isSrgb ? "srgb" : known, read: void 0, written };
    }
    const profile2 = linear ? iccProfile(SRGB, true) : "srgb";
    return { ...form, profile: profile2, read: SRGB, written: SRGB };
  }
  function bytesOf(samples) {
    return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  }
  function samplesOf(bytes, type) {
    if (type === "UINT8") return bytes;
    const { buffer } = bytes.byteOffset % 4 ? bytes.slice() : bytes;
    const offset = bytes.byteOffset % 4 ? 0 : bytes.byteOffset;
    if (type === "UINT16") return new Uint16Array(buffer, offset, bytes.length / 2);
    return new Float32Array(buffer, offset, bytes.length / 4);
  }
  function sampleType(bits) {
    if (bits === 16) return "UINT16";
    return bits === 32 ? "FLOAT32" : "UINT8";
  }

  // src/photoshop/panel_picture.ts
  var SIDE = 256;
  var GREY = 119;
  function small(picture2, area) {
    const [width, height] = fitted([area.width, area.height], SIDE);
    const found2 = blank(area, width, height);
    drawn(found2, picture2, area);
    return found2;
  }
  function nothing(area) {
    const [width, height] = fitted([area.width, area.height], SIDE);
    return blank(area, width, height);
  }
  function over(below, picture2, bounds) {
    const found2 = { ...below, pixels: below.pixels.slice() };
    drawn(found2, picture2, bounds);
    return found2;
  }
  async function dataUrl({ pixels, width, height }) {
    const imageData = await import_photoshop4.imaging.createImageDataFromBuffer(pixels, {
      ...{ width, height, components: 3, chunky: true },
      ...{ colorSpace: "RGB", colorProfile: SRGB }
    });
    try {
      const found2 = await import_photoshop4.imaging.encodeImageData({ imageData, base64: true });
      return `data:image/jpeg;base64,${found2}`;
    } finally {
      imageData.dispose();
    }
  }
  function blank(area, width, height) {
    return { pixels: new Uint8Array(3 * width * height).fill(GREY), width, height, area };
  }
  function drawn(into, picture2, bounds) {
    const scale = into.width / into.area.width;
    const inside = relative(clipped(bounds, into.area), into.area);
    if (isEmpty(inside) || picture2.isFile) return;
    const whole2 = relative(bounds, into.area);
    const place = rect(
      ...[whole2.x, whole2.y, whole2.width, whole2.height].map((each) => Math.round(each * scale))
    );
    if (place.width < 1 || place.height < 1) return;
    const from = [picture2.width, picture2.height];
    const size = [place.width, place.height];
    const thin = scaled(picture2.data, from, size, picture2.pixelBytes);
    const rgba = to8bit(thin, picture2.sampleType);
    blend(into, rgba, place, picture2.sampleType === "FLOAT32");
  }
  function blend(into, rgba, place, linear) {
    const common = clipped(place, rect(0, 0, into.width, into.height));
    for (let y = common.y; y < common.y + common.height; y++) {
      for (let x = common.x; x < common.x + common.width; x++) {
        const at = 4 * ((y - place.y) * place.width + x - place.x);
        const to = 3 * (y * into.width + x);
        const alpha = (rgba[at + 3] ?? 0) / 255;
        for (let i = 0; i < 3; i++) {
          const value = shown(rgba[at + i] ?? 0, linear);
          into.pixels[to + i] = Math.round(value * alpha + (into.pixels[to + i] ?? 0) * (1 - alpha));
        }
      }
    }
  }
  var shown = (value, linear) => linear ? 255 * (value / 255) ** (1 / 2.2) : value;

  // src/photoshop/result_layer.ts
  var import_photoshop5 = __require("photoshop");
  async function insertLayer(context, documentId, layer) {
    const native = suitable(documentId, layer);
    const { hostControl } = context;
    const history = await hostControl.suspendHistory({ documentID: documentId, name: layer.name });
    let isWhole = false;
    try {
      await insert(context, native, layer);
      checkGoingOn(context);
      isWhole = true;
    } finally {
      await hostControl.resumeHistory(history, isWhole);
    }
  }
  async function insert(context, native, layer) {
    const { result, expansion: expansion2, name } = layer;
    const active = Array.from(native.activeLayers, (each) => each.id);
    if (expansion2) await grow(native, expansion2);
    const [left = 0, top = 0] = expansion2?.offset ?? [];
    const bounds = shifted(result.bounds, left, top);
    const made = await native.createLayer(import_photoshop5.constants.LayerKind.NORMAL, { name });
    if (!made) throw new Unsuitable("Photoshop made no layer. Fix: try again.");
    toTop(native, made);
    await putPixels(native.id, made.id, bounds, layer);
    checkGoingOn(context);
    await putMask(native.id, made.id, bounds, result.mask);
    await activate(active);
  }
  function suitable(documentId, { form, canvas, expansion: expansion2 }) {
    const open = OpenDocument.ofId(documentId);
    if (!open) throw new Unsuitable("The document was closed. Fix: open it again.");
    open.check();
    const now = sampleForm(open);
    if (now.bits !== form.bits || now.written !== form.written) {
      const words = `Depth or profile of ${open.title} changed meanwhile`;
      throw new Unsuitable(`${words}. Fix: undo that, place the result, and redo it.`);
    }
    const { width, height } = open.canvas;
    if (width !== canvas.width || height !== canvas.height) {
      const words = `The size of ${open.title} changed ${expansion2 ? "" : "since it was read"}`.trim();
      throw new Unsuitable(`${words}. Fix: undo that, place the result, and redo it.`);
    }
    const native = Array.from(import_photoshop5.app.documents).find((each) => each.id === documentId);
    if (!native || !open.isActive) {
      throw new Unsuitable(`${open.title} is not in front. Fix: switch to it.`);
    }
    return native;
  }
  async function grow(native, { canvas, offset }) {
    const { AnchorPosition } = import_photoshop5.constants;
    const [left = 0, top = 0] = offset;
    const [width, height] = [Math.round(native.width) + left, Math.round(native.height) + top];
    if (left || top) await native.resizeCanvas(width, height, AnchorPosition.BOTTOMRIGHT);
    if (canvas.width !== width || canvas.height !== height) {
      await native.resizeCanvas(canvas.width, canvas.height, AnchorPosition.TOPLEFT);
    }
  }
  function toTop(native, made) {
    const first = Array.from(native.layers)[0];
    if (first && first.id !== made.id) made.move(first, import_photoshop5.constants.ElementPlacement.PLACEBEFORE);
    if (made.isClippingMask) made.isClippingMask = false;
  }
  async function putPixels(documentID, layerID, bounds, layer) {
    const { picture: picture2 } = layer.result;
    const type = picture2.sampleType;
    const { written } = layer.form;
    const imageData = await import_photoshop5.imaging.createImageDataFromBuffer(
      samplesOf(opaque(picture2.data, type), type),
      {
        width: bounds.width,
        height: bounds.height,
        components: 4,
        chunky: true,
        colorSpace: "RGB",
        fullRange: true,
        ...written === void 0 ? {} : { colorProfile: written }
      }
    );
    try {
      const targetBounds = { left: bounds.x, top: bounds.y };
      await import_photoshop5.imaging.putPixels({ documentID, layerID, imageData, targetBounds });
    } finally {
      imageData.dispose();
    }
  }
  async function putMask(documentID, layerID, bounds, mask) {
    await import_photoshop5.action.batchPlay([select(layerID), makeMask()], {});
    const imageData = await import_photoshop5.imaging.createImageDataFromBuffer(mask, {
      width: bounds.width,
      height: bounds.height,
      components: 1,
      chunky: true,
      colorSpace: "Grayscale",
      colorProfile: "Gray Gamma 2.2"
    });
    try {
      const targetBounds = { left: bounds.x, top: bounds.y };
      await import_photoshop5.imaging.putLayerMask({
        ...{ documentID, layerID, kind: "user", imageData, targetBounds }
      });
    } finally {
      imageData.dispose();
    }
  }
  function makeMask() {
    const mask = { _ref: "channel", _enum: "channel", _value: "mask" };
    const using = { _enum: "userMaskEnabled", _value: "hideAll" };
    return { _obj: "make", new: { _class: "channel" }, at: mask, using };
  }
  async function activate(layerIds) {
    const [first, ...more] = layerIds;
    if (first === void 0) return;
    await import_photoshop5.action.batchPlay([select(first), ...more.map((id) => select(id, true))], {});
  }
  function select(layerId, beside = false) {
    const how = { _enum: "selectionModifierType", _value: "addToSelection" };
    return {
      _obj: "select",
      _target: [{ _ref: "layer", _id: layerId }],
      makeVisible: false,
      ...beside ? { selectionModifier: how } : {}
    };
  }

  // src/session/followed_edit.ts
  var FollowedEdit = class {
    constructor(retouch, jobId, crop, told) {
      __publicField(this, "retouch", retouch);
      __publicField(this, "jobId", jobId);
      __publicField(this, "crop", crop);
      __publicField(this, "told", told);
      __publicField(this, "state", "running");
      __publicField(this, "error", null);
      __publicField(this, "stop", new Stop());
    }
    start() {
      void this.run();
      return this;
    }
    /** Stop exactly this job; returns at once. */
    cancel() {
      this.stop.set();
    }
    async run() {
      try {
        await this.follow();
        this.state = "done";
      } catch (problem) {
        const ended = problem instanceof Stopped || problem instanceof Cancelled;
        this.state = ended ? "cancelled" : "failed";
        if (problem instanceof Stopped) await this.cancelInDaemon();
        else if (!ended) this.error = errorOf2(problem);
      }
      await this.told.onEnd(this);
    }
    async follow() {
      const bar = new ProgressBar();
      for await (const event of this.retouch.watch(this.jobId, 0, this.stop)) {
        const problem = errorOfEvent(event);
        if (problem instanceof Blocked) this.error = problem;
        else if (problem) throw problem;
        else await this.take(event);
        const progress = bar.take(event);
        if (progress) await this.told.onProgress(progress);
        if (event.done && this.error && !event.done.released) throw this.error;
      }
      if (this.stop.isSet) throw new Stopped("stopped");
    }
    async take(event) {
      const fetchBlob = (sha256) => this.retouch.get(sha256);
      if (event.preview) {
        const preview = await readPreview(event, this.crop, fetchBlob).catch(() => null);
        if (preview) await this.told.onPreview(preview);
      } else if (event.result) {
        const read = () => readResult(event, this.crop, fetchBlob);
        const result = await this.retouch.patiently(read, this.stop);
        await this.told.onResult(result);
      }
    }
    async cancelInDaemon() {
      await this.retouch.cancel([this.jobId]).catch(() => {
      });
    }
  };
  function errorOf2(problem) {
    if (problem instanceof RetouchError) return problem;
    const words = problem instanceof Error ? problem.message : String(problem);
    return new Failed(`The plugin failed (${words}). Fix: try again; report it if it stays.`);
  }

  // src/photoshop/pixels.ts
  var import_photoshop6 = __require("photoshop");
  var CHANNELS2 = 4;
  function boundsOf({ x, y, width, height }) {
    return { left: x, top: y, right: x + width, bottom: y + height };
  }
  function rectOfBounds({ left, top, right: right2, bottom: bottom2 }) {
    return rect(left, top, right2 - left, bottom2 - top);
  }
  async function readPicture(documentID, area, form, layerID) {
    const found2 = await import_photoshop6.imaging.getPixels({
      documentID,
      sourceBounds: boundsOf(area),
      colorSpace: "RGB",
      componentSize: form.bits,
      ...layerID === void 0 ? {} : { layerID },
      ...form.read === void 0 ? {} : { colorProfile: form.read }
    });
    try {
      const { components } = found2.imageData;
      const samples = await found2.imageData.getData({ chunky: true, fullRange: true });
      const whole2 = placed2(samples, components, rectOfBounds(found2.sourceBounds), area);
      const { width, height } = area;
      const { sampleType: sampleType2, profile: profile2 } = form;
      const made = new Picture(bytesOf(whole2), { width, height, sampleType: sampleType2, profile: profile2 });
      return made;
    } finally {
      found2.imageData.dispose();
    }
  }
  async function selectedBounds(documentId, canvas) {
    const target = [{ _property: "selection" }, { _ref: "document", _id: documentId }];
    const [answer] = await import_photoshop6.action.batchPlay([{ _obj: "get", _target: target }], {});
    const found2 = answer?.selection;
    const side = (name) => Math.round(found2?.[name]?._value ?? 0);
    if (!found2 || !("top" in found2)) return null;
    const [left, top] = [side("left"), side("top")];
    const area = clipped(rect(left, top, side("right") - left, side("bottom") - top), canvas);
    return isEmpty(area) ? null : area;
  }
  async function readSelection(documentID, area) {
    const found2 = await import_photoshop6.imaging.getSelection({ documentID, sourceBounds: boundsOf(area) });
    try {
      const samples = await found2.imageData.getData({ chunky: true, fullRange: true });
      const mask = new Uint8Array(area.width * area.height);
      const from = rectOfBounds(found2.sourceBounds);
      const bytes = samples instanceof Uint8Array ? samples : to8bit2(samples);
      copyRows(bytes, from, mask, area);
      return mask;
    } finally {
      found2.imageData.dispose();
    }
  }
  function placed2(samples, components, from, area) {
    const one = samples instanceof Uint8Array ? 255 : samples instanceof Uint16Array ? 65535 : 1;
    const size = area.width * area.height * CHANNELS2;
    const kind = samples.constructor;
    const found2 = new kind(size);
    const common = clipped(from, area);
    const grey = components < 3;
    if (components === CHANNELS2 && sameRect(from, area)) return samples;
    for (let y = common.y; y < common.y + common.height; y++) {
      let at = ((y - from.y) * from.width + common.x - from.x) * components;
      let to = ((y - area.y) * area.width + common.x - area.x) * CHANNELS2;
      for (let left = common.width; left > 0; left--, at += components, to += CHANNELS2) {
        found2[to] = samples[at] ?? 0;
        found2[to + 1] = samples[grey ? at : at + 1] ?? 0;
        found2[to + 2] = samples[grey ? at : at + 2] ?? 0;
        found2[to + 3] = components % 2 ? one : samples[at + components - 1] ?? 0;
      }
    }
    return found2;
  }
  function sameRect(one, other) {
    return one.x === other.x && one.y === other.y && sameSize(one, other);
  }
  var sameSize = (one, other) => one.width === other.width && one.height === other.height;
  function copyRows(bytes, from, mask, area) {
    const common = clipped(from, area);
    for (let y = common.y; y < common.y + common.height; y++) {
      const at = (y - from.y) * from.width + common.x - from.x;
      const to = (y - area.y) * area.width + common.x - area.x;
      mask.set(bytes.subarray(at, at + common.width), to);
    }
  }
  function to8bit2(samples) {
    const scale = samples instanceof Uint16Array ? 255 / 65535 : 255;
    return Uint8Array.from(samples, (each) => Math.round(Math.min(255, Math.max(0, each * scale))));
  }

  // src/session/order.ts
  var SEEDS = 10 ** 9;
  var LayerChoice = class {
    constructor(id) {
      __publicField(this, "id", id);
    }
  };
  var SelectionChoice = class {
  };
  async function capture(document2, order, documentId) {
    document2.check();
    return inModal("Retouch: read the picture", async () => {
      const read = new Reading(document2, order);
      const snapshot = await read.snapshot(documentId);
      const values = await read.values(snapshot.crop, snapshot.mask);
      const selected = snapshot.mask !== null || snapshot.selection !== null;
      const chosen = choices(order.mode, values, { operations: order.operations, selected });
      const found2 = { snapshot, choices: chosen, form: read.form, canvas: document2.canvas };
      return finished(found2, order, read.selected);
    });
  }
  var Reading = class {
    constructor(document2, order) {
      __publicField(this, "document", document2);
      __publicField(this, "order", order);
      __publicField(this, "form");
      __publicField(this, "selected", null);
      this.form = sampleForm(document2);
    }
    async snapshot(documentId) {
      const { document: document2, order, form } = this;
      const { canvas, id } = document2;
      if (order.expansion) {
        const picture3 = await readPicture(id, order.expansion.read, form);
        return expansionSnapshot(order.expansion, picture3, documentId);
      }
      this.selected = await selectedBounds(id, canvas);
      const area = this.selected ?? this.extent() ?? canvas;
      const crop = region(area, canvas, void 0, order.shortestSide);
      const mask = await this.mask(crop);
      const everything = mask === null && sameRect(area, canvas);
      const selection = mask || everything ? null : area;
      const picture2 = await readPicture(id, crop, form);
      return new Snapshot(crop, picture2, { mask, selection, documentId });
    }
    async values(crop, mask) {
      const found2 = {};
      for (const [key, value] of Object.entries(this.order.values)) {
        const field2 = this.order.mode.fields.find((each) => each.key === key);
        found2[key] = await this.given(field2, value, crop, mask);
      }
      return found2;
    }
    extent() {
      const found2 = this.document.activeExtent();
      return found2 && found2.width > 0 && found2.height > 0 ? found2 : null;
    }
    /** The soft selection; null where nothing or all of the canvas is selected. */
    async mask(crop) {
      if (!this.selected) return null;
      const found2 = await readSelection(this.document.id, crop);
      const everything = sameRect(crop, this.document.canvas) && found2.every((each) => each === 255);
      return everything ? null : found2;
    }
    /** What a choice of the form stands for. */
    async given(field2, value, crop, mask) {
      if (Array.isArray(value)) {
        return Promise.all(value.map((each) => this.given(field2, each, crop, mask)));
      }
      if (value instanceof SelectionChoice) {
        if (mask) return mask;
        const fix = "select a part of the canvas";
        throw new RangeError(`${field2?.label}: nothing is selected. Fix: ${fix}.`);
      }
      if (!(value instanceof LayerChoice)) return value;
      return field2?.kind === "mask" ? this.brightness(value.id, crop) : this.layer(value.id);
    }
    async layer(id) {
      const { document: document2, form } = this;
      const found2 = document2.layerBounds(id);
      return readPicture(document2.id, found2, form, id);
    }
    /** How bright a layer is, one byte per pixel; transparent counts as black. */
    async brightness(id, crop) {
      this.document.layerBounds(id);
      const eight = { ...this.form, bits: 8, sampleType: "UINT8" };
      const { data } = await readPicture(this.document.id, crop, eight, id);
      const luma = (at) => 54 * (data[at] ?? 0) + 183 * (data[at + 1] ?? 0) + 18 * (data[at + 2] ?? 0);
      return Uint8Array.from(
        { length: data.length / 4 },
        (_, i) => Math.floor(luma(4 * i) * (data[4 * i + 3] ?? 0) / (255 * 255))
      );
    }
  };
  function finished(found2, { expansion: expansion2, values }, selected) {
    const { mask, crop } = found2.snapshot;
    const more = {};
    if (found2.choices.seed === null) more.seed = Math.floor(Math.random() * SEEDS);
    const hard = mask?.every((each) => each === 0 || each === 255) ?? false;
    if (hard && !expansion2 && !values.feather) more.feather = defaultFeather(selected ?? crop);
    return { ...found2, choices: { ...found2.choices, ...more } };
  }

  // src/session/session.ts
  var Session = class {
    constructor(document2, title, changed) {
      __publicField(this, "title", title);
      __publicField(this, "changed", changed);
      __publicField(this, "state", "running");
      __publicField(this, "progress", null);
      /** A sentence to show; empty = none. */
      __publicField(this, "message", "");
      __publicField(this, "error", null);
      /** The newest preview, or the shown variant, as an address; empty = none yet. */
      __publicField(this, "image", "");
      __publicField(this, "variants", []);
      __publicField(this, "shown", 0);
      /** Whether there are variants that can still be placed. */
      __publicField(this, "isOpen", false);
      /** Whether a finished variant waits for its document to come to the front. */
      __publicField(this, "isWaiting", false);
      __publicField(this, "jobId", "");
      __publicField(this, "documentId");
      __publicField(this, "documentKey");
      __publicField(this, "edit", null);
      __publicField(this, "before", null);
      __publicField(this, "form");
      __publicField(this, "canvas");
      __publicField(this, "crop", null);
      __publicField(this, "expansion", null);
      __publicField(this, "mode", "");
      __publicField(this, "wanted", 1);
      __publicField(this, "wasPlaced", false);
      __publicField(this, "isPlacing", false);
      __publicField(this, "stop", new Stop());
      this.documentId = document2.id;
      this.documentKey = document2.key;
      this.form = sampleForm(document2);
      this.canvas = document2.canvas;
    }
    get isRunning() {
      return this.state === "running";
    }
    /** Whether a finished variant was neither placed nor discarded. */
    get isUndecided() {
      return this.isOpen && !this.wasPlaced;
    }
    /** Begin: read the document in one short modal, then work outside of it. */
    async start(retouch, document2, order) {
      try {
        const found2 = await capture(document2, order, daemonName(this.documentKey));
        const { snapshot, choices: choices2, form, canvas } = found2;
        Object.assign(this, { form, canvas, crop: snapshot.crop, wanted: choices2.variants });
        Object.assign(this, { mode: order.mode.name, expansion: order.expansion });
        this.before = small(snapshot.picture, snapshot.crop);
        if (this.stop.isSet) throw new Stopped("stopped");
        this.edit = new EditTask(retouch, snapshot, choices2, this.told()).start();
      } catch (problem) {
        const state = problem instanceof Stopped ? "cancelled" : "failed";
        this.finished({ state, error: problem, jobId: "" });
      }
    }
    /** Fetch an edit that was interrupted. */
    resume(retouch, entry) {
      const { crop, canvas, expansion: expansion2, mode: mode2, jobId, variants } = entry;
      Object.assign(this, { crop, canvas, expansion: expansion2, mode: mode2, jobId, wanted: variants });
      this.before = nothing(crop);
      this.edit = new FollowedEdit(retouch, jobId, crop, this.told()).start();
    }
    /** The document was saved under a name. */
    renamed(key) {
      if (key === this.documentKey) return;
      this.documentKey = key;
      if (this.isRunning && this.jobId) this.submitted(this.jobId);
    }
    /** Stop exactly this edit; returns at once. */
    cancel() {
      if (!this.isRunning) return;
      this.message = "Cancelling …";
      this.stop.set();
      this.edit?.cancel();
      this.changed();
    }
    /** Show another variant: `by` further, around the end. */
    flip(by) {
      const { length } = this.variants;
      if (!length) return;
      this.shown = (this.shown + by + length) % length;
      this.show();
    }
    /** Let the variants go; what was placed stays. */
    discard() {
      Object.assign(this, { isOpen: false, isWaiting: false, image: "", message: "" });
      this.stop.set();
      this.changed();
    }
    /** Place the shown variant as a layer; later, where its document is not in front. */
    async place() {
      const variant = this.variants[this.shown];
      if (!variant || this.isPlacing || !this.isInFront()) return;
      this.isPlacing = true;
      try {
        await this.insert(variant.result);
        this.wasPlaced = true;
        this.isOpen = this.variants.length > 1;
        this.message = "Placed as a new layer; one undo takes it out.";
      } catch (problem) {
        if (!(problem instanceof Stopped)) this.message = this.refusal(problem);
      }
      this.isPlacing = false;
      this.changed();
    }
    /** Place what has waited, where its document is in front now. */
    async placeWaiting() {
      if (this.isWaiting) await this.place();
    }
    insert(result) {
      const { form, canvas, expansion: expansion2 } = this;
      const layer = { name: `${this.title} (${result.seed})`, result, form, canvas, expansion: expansion2 };
      const onWait = () => {
        this.message = "Finished; it is placed when Photoshop is free: end the tool or the dialog.";
        this.changed();
      };
      return inModal(
        "Retouch: place the result",
        (context) => insertLayer(context, this.documentId, layer),
        { patience: Infinity, onWait, stop: this.stop }
      );
    }
    isInFront() {
      const document2 = OpenDocument.ofId(this.documentId);
      this.isWaiting = !document2?.isActive;
      if (!document2) this.message = "Finished, but the document was closed. Fix: open it again.";
      else if (this.isWaiting) this.message = `Finished. Switch to ${document2.title} to place it.`;
      if (this.isWaiting) this.changed();
      return !this.isWaiting;
    }
    refusal(problem) {
      const words = sentence(problem);
      return problem instanceof Interrupted ? `${words.replace("try again", "press Place")}` : words;
    }
    told() {
      return {
        onProgress: (progress) => this.progressed(progress),
        onPreview: (preview) => this.previewed(preview),
        onResult: (result) => this.arrived(result),
        onEnd: (ended) => this.finished(ended)
      };
    }
    progressed(progress) {
      this.progress = progress;
      const { jobId } = this.edit ?? { jobId: "" };
      if (jobId && !this.jobId) this.submitted(jobId);
      this.changed();
    }
    submitted(jobId) {
      const { documentKey: document2, title, mode: mode2, crop, canvas, expansion: expansion2, wanted } = this;
      this.jobId = jobId;
      if (!crop) return;
      addAtWork({ jobId, document: document2, title, mode: mode2, crop, canvas, expansion: expansion2, variants: wanted });
    }
    async previewed({ variant, picture: picture2, bounds }) {
      if (variant || this.variants.length || !this.isRunning || !this.before) return;
      this.image = await pictured(over(this.before, picture2, bounds), this.image);
      this.changed();
    }
    async arrived(result) {
      const { before } = this;
      const seen = before ? over(before, result.picture, result.bounds) : nothing(result.bounds);
      this.variants.push({ result, image: await pictured(seen, "") });
      this.variants.sort((one, other) => one.result.variant - other.result.variant);
      this.isOpen = true;
      if (this.variants.length === 1) {
        addToHistory(this.documentKey, this.mode, this.title, result);
      }
      this.show();
    }
    async finished({ state, error, jobId }) {
      removeAtWork(jobId || this.jobId);
      this.state = state;
      this.error = error;
      this.progress = null;
      if (error && state !== "cancelled") this.message = sentence(error);
      else if (state === "cancelled") this.message = "Cancelled; the document is as it was.";
      else this.message = "";
      if (!this.variants.length) this.image = "";
      this.changed();
      if (state === "done" && this.wanted === 1) await this.place();
    }
    show() {
      this.image = this.variants[this.shown]?.image ?? "";
      this.changed();
    }
  };
  async function pictured(picture2, otherwise) {
    return dataUrl(picture2).catch(() => otherwise);
  }
  function daemonName(key) {
    let [low, high] = [2166136261, 16777619];
    for (const each of key) {
      low = Math.imul(low ^ (each.codePointAt(0) ?? 0), 16777619) >>> 0;
      high = Math.imul(high + low, 2246822507) >>> 0;
    }
    return `photoshop-${[high, low].map((each) => each.toString(16).padStart(8, "0")).join("")}`;
  }

  // src/session/sessions.ts
  var Sessions = class {
    constructor() {
      __publicField(this, "all", []);
      /** Document id -> the key by which it was known last. */
      __publicField(this, "keys", /* @__PURE__ */ new Map());
    }
    /** The edit of a document; null = there is none. */
    of(document2) {
      return this.all.find((each) => each.documentId === document2?.id) ?? null;
    }
    /** The daemon's names of all edits that are shown. */
    jobs() {
      return this.all.map((each) => each.jobId).filter((each) => each);
    }
    /** Have a session be the one of its document. */
    add(session) {
      this.all = [session, ...this.all.filter((each) => each.documentId !== session.documentId)];
    }
    /**
     * Notice that a document was saved under a name, or opened again: its edit and its history belong
     * to it still. Return its edit; null = there is none.
     */
    follow(document2) {
      if (!document2) return null;
      const { id, key } = document2;
      const before = this.keys.get(id);
      if (before && before !== key) moveHistory(before, key);
      this.keys.set(id, key);
      const own = this.of(document2);
      if (own) {
        own.renamed(key);
        return own;
      }
      const closed = (each) => each.documentKey === key && !OpenDocument.ofId(each.documentId);
      const again = this.all.find(closed) ?? null;
      if (again) again.documentId = id;
      return again;
    }
  };

  // src/panel/elements.ts
  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== false) made.setAttribute(key, value === true ? "" : value);
    }
    for (const each of children) {
      made.appendChild(typeof each === "string" ? document.createTextNode(each) : each);
    }
    return made;
  }
  function button(words, attributes, press, kind = "sp-button") {
    const made = element(kind, { ...attributes }, words);
    made.addEventListener("click", press);
    return made;
  }
  function show(made, isShown) {
    made.classList[isShown ? "remove" : "add"]("hidden");
  }
  function emptied(made) {
    while (made.firstChild) made.removeChild(made.firstChild);
    return made;
  }

  // src/panel/picture_field.ts
  var import_uxp2 = __require("uxp");

  // src/panel/picker.ts
  var Picker = class {
    constructor(attributes, chosen = () => {
    }) {
      __publicField(this, "chosen", chosen);
      __publicField(this, "element");
      __publicField(this, "options", []);
      __publicField(this, "menu", element("sp-menu", { slot: "options" }));
      this.element = element("sp-picker", { size: "s", ...attributes }, this.menu);
      this.element.addEventListener("change", () => {
        const option = this.options[this.element.selectedIndex];
        if (option) this.chosen(option[1]);
      });
    }
    /** Offer other choices; the chosen one stays where it is still there, else the first is. */
    offer(options) {
      const before = this.value;
      const same = options.length === this.options.length;
      const isDrawn = same && options.every(([words], i) => words === this.options[i]?.[0]);
      this.options = options;
      if (isDrawn) return;
      emptied(this.menu);
      for (const [words] of options) this.menu.appendChild(element("sp-menu-item", {}, words));
      this.value = before;
    }
    /** What is shown of the chosen one. */
    get words() {
      return this.options[this.element.selectedIndex]?.[0] ?? "";
    }
    get value() {
      return this.options[this.element.selectedIndex]?.[1];
    }
    set value(wanted) {
      const found2 = this.options.findIndex(([, value]) => value === wanted);
      const index = Math.max(0, found2);
      Array.from(this.menu.children).forEach((each, i) => {
        if (i === index) each.setAttribute("selected", "");
        else each.removeAttribute("selected");
      });
      this.element.selectedIndex = index;
    }
  };

  // src/panel/picture_field.ts
  var FILES = ["png", "jpg", "jpeg", "webp", "tif", "tiff"];
  var [NONE, FILE] = ["none", "file"];
  var PictureField = class {
    constructor(field2) {
      __publicField(this, "field", field2);
      __publicField(this, "element");
      __publicField(this, "chosen", []);
      __publicField(this, "picker");
      __publicField(this, "list", element("div", { class: "chosen" }));
      const names = { class: "wide", "aria-label": field2.label, title: field2.help };
      this.picker = new Picker(names, (value) => void this.take(value));
      this.offer([]);
      this.element = labelled(field2, this.list, this.picker.element);
    }
    /** Offer the layers of the document that is active now. */
    offer(layers) {
      const isMask = this.field.kind === "mask";
      const first = isMask ? "Everywhere" : "Choose a picture …";
      const options = [[this.chosen.length ? "Choose another …" : first, NONE]];
      if (isMask) options.push(["The selection", new SelectionChoice()]);
      for (const { id, name } of layers) options.push([`Layer: ${name}`, new LayerChoice(id)]);
      if (!isMask) options.push(["File …", FILE]);
      this.picker.offer(options);
      this.picker.value = NONE;
    }
    value() {
      const values = this.chosen.map((each) => each.value);
      if (!values.length) return null;
      return this.field.several ? values : values[0];
    }
    setValue(value) {
      const several = Array.isArray(value) ? value : value ? [value] : [];
      this.chosen = several.map((each) => ({ words: "Picture of the earlier edit", value: each }));
      this.draw();
    }
    async take(value) {
      if (value === NONE) return;
      const found2 = value === FILE ? await pickedFile() : { words: this.picker.words, value };
      if (found2) {
        this.chosen = this.field.several ? [...this.chosen, found2] : [found2];
        this.draw();
      }
      this.picker.value = NONE;
    }
    draw() {
      emptied(this.list);
      show(this.list, this.chosen.length > 0);
      for (const each of this.chosen) this.list.appendChild(this.line(each));
    }
    line(chosen) {
      const label = `Remove ${chosen.words}`;
      const names = { quiet: true, "aria-label": label, title: label };
      const remove = () => {
        this.chosen = this.chosen.filter((each) => each !== chosen);
        this.draw();
      };
      const words = element("span", { class: "grow" }, chosen.words);
      const cross = button("✕", names, remove, "sp-action-button");
      return element("div", { class: "row line" }, words, cross);
    }
  };
  async function pickedFile() {
    const found2 = await import_uxp2.storage.localFileSystem.getFileForOpening({ types: FILES });
    const file = Array.isArray(found2) ? found2[0] : found2;
    if (!file) return null;
    const bytes = new Uint8Array(await file.read({ format: import_uxp2.storage.formats.binary }));
    return { words: file.name, value: new Picture(bytes) };
  }

  // src/panel/fields.ts
  var AUTO = "Automatic";
  var PLACES2 = 400;
  var LONG = ["prompt", "prompt_to_prompt.source_prompt"];
  function widgetOf(field2) {
    const { kind, several } = field2;
    if (kind === "picture" || kind === "mask") return new PictureField(field2);
    if (kind === "bool") return field2.default === null ? yesOrNo(field2) : new CheckField(field2);
    if ((kind === "choice" || kind === "model") && !several) return new ChoiceField(field2);
    if (kind === "number" && !several && places(field2) <= PLACES2) return new SliderField(field2);
    return new TextField(field2);
  }
  var places = ({ low, high, step }) => low === null || high === null ? Infinity : (high - low) / (step ?? 0.05);
  function labelled(field2, ...widgets) {
    const words = field2.unit ? `${field2.label} (${field2.unit})` : field2.label;
    const label = element("sp-label", { class: "label", title: field2.help }, words);
    return element("div", { class: "field", "data-key": field2.key }, label, ...widgets);
  }
  var named = ({ label, help }) => ({ "aria-label": label, title: help });
  var TextField = class {
    constructor(field2) {
      __publicField(this, "field", field2);
      __publicField(this, "element");
      __publicField(this, "input");
      const isNumber = ["number", "integer"].includes(field2.kind) && !field2.several;
      const name = LONG.includes(field2.key) ? "sp-textarea" : "sp-textfield";
      const type = isNumber ? { type: "number" } : {};
      const placeholder = field2.default === null && isNumber ? AUTO : examples(field2);
      this.input = element(name, { class: "wide", placeholder, ...type, ...named(field2) });
      this.element = labelled(field2, this.input);
      this.setValue(null);
    }
    value() {
      return String(this.input.value ?? "").trim() || null;
    }
    setValue(value) {
      const shown2 = value ?? this.field.default ?? "";
      this.input.value = typeof shown2 === "object" ? pairs(shown2) : String(shown2);
    }
  };
  function pairs(value) {
    if (Array.isArray(value)) return value.join(", ");
    return Object.entries(value).map(([word2, each]) => `${word2}: ${each}`).join(", ");
  }
  var examples = ({ kind }) => kind === "words" ? "house: 1.5, red: 0.5" : "";
  var SliderField = class {
    constructor(field2) {
      __publicField(this, "field", field2);
      __publicField(this, "element");
      __publicField(this, "slider");
      __publicField(this, "input");
      const max = String(Math.round(places(field2)));
      this.slider = element("sp-slider", { class: "slider", min: "0", max, ...named(field2) });
      const placeholder = field2.default === null ? AUTO : "";
      const names = { class: "number", type: "number", placeholder, ...named(field2) };
      this.input = element("sp-textfield", names);
      this.slider.addEventListener("input", () => this.slid());
      this.input.addEventListener("input", () => this.follow());
      const row = element("div", { class: "row" }, this.slider, this.input);
      this.element = labelled(field2, row);
      this.setValue(null);
    }
    value() {
      return String(this.input.value ?? "").trim() || null;
    }
    setValue(value) {
      const shown2 = value ?? this.field.default;
      this.input.value = shown2 === null ? "" : String(shown2);
      this.follow();
    }
    slid() {
      const { low, step } = this.field;
      const number = (low ?? 0) + Number(this.slider.value) * (step ?? 0.05);
      this.input.value = String(Number(number.toFixed(4)));
    }
    follow() {
      const { low, step } = this.field;
      const number = Number(this.value() ?? low);
      if (!Number.isNaN(number)) {
        this.slider.value = String(Math.round((number - (low ?? 0)) / (step ?? 0.05)));
      }
    }
  };
  var CheckField = class {
    constructor(field2) {
      __publicField(this, "field", field2);
      __publicField(this, "element");
      __publicField(this, "box");
      this.box = element("sp-checkbox", named(field2), field2.label);
      this.element = element("div", { class: "field", "data-key": field2.key }, this.box);
      this.setValue(null);
    }
    value() {
      return Boolean(this.box.checked);
    }
    setValue(value) {
      this.box.checked = Boolean(value ?? this.field.default);
    }
  };
  var ChoiceField = class {
    constructor(field2, choices2 = field2.choices.map((each) => [each.replaceAll("_", " "), each])) {
      __publicField(this, "field", field2);
      __publicField(this, "element");
      __publicField(this, "picker");
      this.picker = new Picker({ class: "wide", ...named(field2) });
      const isFree = field2.default === null && !field2.required;
      this.picker.offer(isFree ? [[AUTO, null], ...choices2] : choices2);
      this.element = labelled(field2, this.picker.element);
      this.setValue(null);
    }
    value() {
      return this.picker.value ?? null;
    }
    setValue(value) {
      this.picker.value = value ?? this.field.default;
    }
  };
  var yesOrNo = (field2) => new ChoiceField(field2, [
    ["Yes", true],
    ["No", false]
  ]);

  // src/panel/form.ts
  var TITLES = {
    sdedit: "Restyle (SDEdit)",
    instruct_pix2pix: "Instruct",
    prompt_to_prompt: "Swap a word",
    ip_adapter: "Reference picture",
    t2i_adapter: "Control picture",
    soft_mask: "Soft selection",
    best_of: "Best of several"
  };
  var Form = class {
    constructor(mode2) {
      __publicField(this, "mode", mode2);
      /** What is always shown. */
      __publicField(this, "element", element("div", { class: "form column" }));
      /** A button that shows the rest, and the rest. */
      __publicField(this, "further", element("div", { class: "further column" }));
      __publicField(this, "rest", element("div", { class: "rest column" }));
      __publicField(this, "rows", []);
      __publicField(this, "boxes", /* @__PURE__ */ new Map());
      __publicField(this, "headings", []);
      if (mode2.name === "combine") this.element.appendChild(this.operationBoxes());
      for (const field2 of mode2.fields) this.add(field2, field2.simple ? this.element : this.rest);
      const kind = "sp-action-button";
      const names = { class: "more", quiet: true, "aria-expanded": "false" };
      const more = button("More options", names, () => this.unfold(more), kind);
      show(this.rest, false);
      this.further.appendChild(more);
      this.further.appendChild(this.rest);
      this.showChosen();
    }
    /** What was chosen, by field key; what is as by default is left out. */
    values() {
      const given = this.rows.map(({ field: field2, widget }) => [field2, widget.value()]);
      const chosen = given.filter(([field2, value]) => {
        if (value === null) return false;
        return field2.key.startsWith("expand.") || String(value) !== String(field2.default);
      });
      return Object.fromEntries(chosen.map(([field2, value]) => [field2.key, value]));
    }
    /** The chosen operations of the mode "combine"; null in other modes. */
    operations() {
      if (this.mode.name !== "combine") return null;
      return this.mode.operations.filter((name) => this.boxes.get(name)?.checked);
    }
    /** Show values; what is not among them is as by default. */
    fill(values, operations = []) {
      for (const { field: field2, widget } of this.rows) widget.setValue(values[field2.key] ?? null);
      for (const [name, box] of this.boxes) box.checked = operations.includes(name);
      this.showChosen();
    }
    /** Show one value, where the mode has such a field. */
    setValue(key, value) {
      this.rows.find((each) => each.field.key === key)?.widget.setValue(value);
    }
    /** Offer the layers of the document that is active now. */
    offer(layers) {
      for (const { widget } of this.rows) if (widget instanceof PictureField) widget.offer(layers);
    }
    unfold(more) {
      const isShown = this.rest.classList.contains("hidden");
      show(this.rest, isShown);
      more.textContent = isShown ? "Fewer options" : "More options";
      more.setAttribute("aria-expanded", String(isShown));
    }
    add(field2, into) {
      const { operation } = field2;
      const before = this.rows[this.rows.length - 1]?.field.operation;
      const isNew = operation !== before || into.children.length === 0;
      if (operation && isNew && (into === this.rest || this.mode.name === "combine")) {
        const heading = element("sp-detail", { class: "heading" }, titleOf(operation));
        this.headings.push([operation, heading]);
        into.appendChild(heading);
      }
      const widget = widgetOf(field2);
      this.rows.push({ field: field2, widget });
      into.appendChild(widget.element);
    }
    operationBoxes() {
      const found2 = element("div", { class: "boxes" });
      for (const name of this.mode.operations) {
        const box = element("sp-checkbox", { "data-operation": name }, titleOf(name));
        box.addEventListener("change", () => this.showChosen());
        this.boxes.set(name, box);
        found2.appendChild(box);
      }
      return found2;
    }
    /** In "combine", fields of what is not chosen would only be in the way. */
    showChosen() {
      if (this.mode.name !== "combine") return;
      const chosen = this.operations() ?? [];
      const isShown = (operation) => !operation || chosen.includes(operation);
      for (const { field: field2, widget } of this.rows) show(widget.element, isShown(field2.operation));
      for (const [name, heading] of this.headings) show(heading, isShown(name));
    }
  };
  function titleOf(operation) {
    const words = operation.replaceAll("_", " ");
    return TITLES[operation] ?? words.charAt(0).toUpperCase() + words.slice(1);
  }

  // src/panel/history_view.ts
  var HistoryView = class {
    constructor(use, again) {
      __publicField(this, "use", use);
      __publicField(this, "again", again);
      __publicField(this, "element");
      __publicField(this, "list", element("div", { class: "entries column" }));
      __publicField(this, "shown", "");
      const heading = element("sp-detail", { class: "heading" }, "History");
      this.element = element("div", { class: "history column" }, heading, this.list);
    }
    /** Show the edits of a document. */
    show(entries) {
      const told = JSON.stringify(entries);
      if (told === this.shown) return;
      this.shown = told;
      show(this.element, entries.length > 0);
      emptied(this.list);
      for (const each of entries) this.list.appendChild(this.line(each));
    }
    line(entry) {
      const words = wordsOf2(entry);
      const title = `${words}, receipt ${entry.receipt}`;
      const label = (what) => ({ quiet: true, "aria-label": `${what}: ${words}` });
      const use = { ...label("Use settings"), class: "use", title: "Fill in everything as it was" };
      const again = { ...label("Run again"), class: "again", title: "The same edit once more" };
      return element(
        "div",
        { class: "row line entry" },
        element("span", { class: "grow entry-words", title }, words),
        button("Use", use, () => this.use(entry), "sp-action-button"),
        button("Again", again, () => this.again(entry), "sp-action-button")
      );
    }
  };

  // src/panel/outcome_view.ts
  var OutcomeView = class {
    constructor() {
      __publicField(this, "element");
      __publicField(this, "session", null);
      __publicField(this, "bar", element("sp-progressbar", { max: "100", value: "0", class: "wide" }));
      __publicField(this, "words", element("div", { class: "progress-words" }));
      __publicField(this, "message", element("div", { class: "message", role: "status" }));
      __publicField(this, "image", element("img", { class: "picture", alt: "The edit" }));
      __publicField(this, "number", element("span", { class: "place" }));
      __publicField(this, "flipping");
      __publicField(this, "choosing");
      this.flipping = element(
        "div",
        { class: "row flipping" },
        this.step("◀", "Variant before", "previous", -1),
        this.number,
        this.step("▶", "Next variant", "next", 1)
      );
      const place = button("Place", { class: "place-button", variant: "primary" }, () => {
        void this.session?.place();
      });
      const discard = button(
        "Discard",
        { class: "discard", variant: "secondary" },
        () => this.session?.discard()
      );
      this.choosing = element("div", { class: "row choosing" }, this.flipping, place, discard);
      const progress = element("div", { class: "progress column" }, this.words, this.bar);
      this.element = element(
        "div",
        { class: "outcome column" },
        ...[progress, this.message, this.image, this.choosing]
      );
      this.show(null, "");
    }
    /** Show a session as it is now; null = only some words. */
    show(session, words) {
      this.session = session;
      const progress = this.words.parentElement;
      show(progress, session?.isRunning ?? false);
      if (session?.isRunning) this.showProgress(session);
      const message = session?.message || words;
      this.message.textContent = message;
      show(this.message, message !== "");
      show(this.image, Boolean(session?.image));
      if (session?.image) this.image.setAttribute("src", session.image);
      show(this.choosing, session?.isOpen ?? false);
      const several = (session?.variants.length ?? 0) > 1;
      show(this.flipping, several);
      if (session && several) {
        this.number.textContent = `${session.shown + 1} of ${session.variants.length}`;
      }
    }
    showProgress({ progress }) {
      const share = progress?.share ?? 0;
      this.bar.setAttribute("value", String(Math.round(100 * share)));
      const left = progress?.remaining ?? null;
      const words = progress?.words ?? "Reading the picture";
      this.words.textContent = left !== null && left >= 1 ? `${words}, ${left.toFixed(0)} s left` : words;
    }
    step(words, label, name, by) {
      const names = { class: name, quiet: true, "aria-label": label, title: label };
      return button(words, names, () => this.session?.flip(by), "sp-action-button");
    }
  };

  // src/panel/pairing_view.ts
  var DIGITS = 8;
  var PairingView = class {
    constructor(pair) {
      __publicField(this, "pair", pair);
      __publicField(this, "element");
      __publicField(this, "code");
      __publicField(this, "message", element("div", { class: "message", role: "alert" }));
      const label = "Code of eight digits";
      this.code = element("sp-textfield", {
        ...{ class: "wide code", placeholder: "1234 5678", "aria-label": label }
      });
      this.code.addEventListener("keydown", (event) => {
        if (event.key === "Enter") void this.enter();
      });
      this.element = element(
        "div",
        { class: "pairing column" },
        element("sp-label", { class: "label" }, label),
        element(
          "div",
          { class: "help" },
          "Run “retouch pair” in a terminal and enter the code that it shows."
        ),
        this.code,
        button("Pair", { variant: "cta", class: "pair-button" }, () => void this.enter()),
        this.message
      );
    }
    async enter() {
      const digits = String(this.code.value ?? "").replace(/\D/g, "");
      if (digits.length !== DIGITS) {
        this.message.textContent = `The code has ${DIGITS} digits. Fix: enter all of them.`;
        return;
      }
      this.message.textContent = "";
      try {
        await this.pair(digits);
        this.code.value = "";
      } catch (problem) {
        this.message.textContent = sentence(problem);
      }
    }
  };

  // src/panel/panel.ts
  var TITLE = 40;
  var wide = (words, name, variant, press) => button(words, { variant, class: `${name} wide` }, press);
  var Panel = class {
    constructor(root) {
      __publicField(this, "catalog", {});
      __publicField(this, "told", "");
      __publicField(this, "words", "Looking for Retouch …");
      __publicField(this, "isStranger", false);
      __publicField(this, "form", null);
      __publicField(this, "forms", /* @__PURE__ */ new Map());
      __publicField(this, "sessions", new Sessions());
      __publicField(this, "mode", new Picker(
        { class: "wide mode", "aria-label": "Mode" },
        (name) => this.chooseMode(name)
      ));
      __publicField(this, "help", element("div", { class: "help mode-help" }));
      __publicField(this, "page", element("div", { class: "page" }));
      __publicField(this, "further", element("div"));
      __publicField(this, "outcome", new OutcomeView());
      __publicField(this, "history", new HistoryView(
        (entry) => this.fill(entry),
        (entry) => this.fill(entry) && void this.generate()
      ));
      __publicField(this, "pairing", new PairingView((code) => this.daemon.pair(code)));
      __publicField(this, "generateButton", wide("Generate", "generate", "cta", () => void this.generate()));
      __publicField(this, "cancelButton", wide("Cancel", "cancel", "secondary", () => {
        this.session?.cancel();
      }));
      __publicField(this, "fetchButton", wide(
        "Fetch the interrupted edit",
        "fetch",
        "primary",
        () => this.fetch()
      ));
      __publicField(this, "editing");
      __publicField(this, "daemon", new DaemonConnection({
        onFound: (catalog) => this.found(catalog),
        onMissing: (words) => this.say(words, false),
        onStranger: () => this.say("", true)
      }));
      const buttons = [this.generateButton, this.cancelButton, this.fetchButton];
      this.editing = element(
        "div",
        { class: "editing column" },
        ...[this.mode.element, this.help, this.page, ...buttons]
      );
      const { outcome, history, pairing, further } = this;
      for (const each of [pairing.element, this.editing, outcome.element, further, history.element]) {
        root.appendChild(each);
      }
      onDocumentChange(() => this.refresh());
      void this.daemon.start();
      this.refresh();
    }
    /** Show what belongs to the active document, and place what has waited for it. */
    refresh() {
      const document2 = OpenDocument.active();
      const session = this.sessions.follow(document2);
      const layers = document2?.layers() ?? [];
      for (const form of this.forms.values()) form.offer(layers);
      this.history.show(document2 ? historyOf(document2.key) : []);
      this.show();
      void session?.placeWaiting();
    }
    get session() {
      return this.sessions.of(OpenDocument.active());
    }
    /** Show how far the edit of the active document is; that happens many times a second. */
    show() {
      const { session, daemon } = this;
      const document2 = OpenDocument.active();
      const isRunning = session?.isRunning ?? false;
      show(this.pairing.element, this.isStranger);
      const isReady = this.form !== null && !this.isStranger;
      for (const each of [this.editing, this.further]) show(each, isReady);
      show(this.generateButton, !isRunning);
      show(this.cancelButton, isRunning);
      this.generateButton.disabled = !daemon.retouch || !document2 || Boolean(this.form?.mode.missing);
      const interrupted = document2 && !session && daemon.retouch ? this.interrupted(document2) : null;
      show(this.fetchButton, interrupted !== null);
      const hint = document2 || !isReady ? "" : "Open a document to edit it.";
      const words = this.words || hint;
      this.outcome.show(session, words);
    }
    async generate() {
      const { form, daemon } = this;
      const document2 = OpenDocument.active();
      if (!document2 || !form || !daemon.retouch) return;
      const before = this.session;
      if (before?.isRunning) return;
      if (before?.isUndecided && before.variants.length) await before.place();
      try {
        const order = this.order(document2, form);
        const session = this.begun(document2, titleOf2(form));
        await session.start(daemon.retouch, document2, order);
      } catch (problem) {
        this.say(sentence(problem), this.isStranger);
      }
    }
    fetch() {
      const document2 = OpenDocument.active();
      const entry = document2 ? this.interrupted(document2) : null;
      if (!document2 || !entry || !this.daemon.retouch) return;
      this.begun(document2, entry.title).resume(this.daemon.retouch, entry);
      this.refresh();
    }
    begun(document2, title) {
      this.words = "";
      const session = new Session(document2, title, () => this.changed(session));
      this.sessions.add(session);
      this.refresh();
      return session;
    }
    /** Something happened to a session: it may have come to the history, or been refused. */
    changed(session) {
      if (!session.isRunning) this.history.show(historyOf(OpenDocument.active()?.key ?? ""));
      if (isStranger(session.error)) this.daemon.refused();
      this.show();
    }
    order(document2, form) {
      const { mode: mode2 } = form;
      if (mode2.missing) throw new RangeError(mode2.missing);
      document2.check();
      const values = form.values();
      const shortestSide = nativeSize(this.catalog, String(values.model ?? ""));
      const needsSides = mode2.needs.includes("sides");
      const grown2 = needsSides ? grownCanvas(document2, values, shortestSide) : null;
      return { mode: mode2, values, operations: form.operations(), shortestSide, expansion: grown2 };
    }
    interrupted(document2) {
      return atWorkIn(document2.key, this.sessions.jobs());
    }
    /** Fill in an edit of the history; tell whether it can be. */
    fill(entry) {
      try {
        const found2 = remembered(entry);
        this.mode.value = found2.mode;
        this.chooseMode(found2.mode);
        this.form?.fill(found2.values, found2.operations);
        return this.form !== null;
      } catch (problem) {
        this.say(sentence(problem), this.isStranger);
        return false;
      }
    }
    chooseMode(name) {
      this.form = this.forms.get(name) ?? null;
      for (const each of [this.page, this.further]) emptied(each);
      if (!this.form) return;
      this.page.appendChild(this.form.element);
      this.further.appendChild(this.form.further);
      const { missing, help } = this.form.mode;
      this.help.textContent = missing || help;
      this.show();
    }
    found(catalog) {
      const told = JSON.stringify(catalog);
      if (told !== this.told) {
        this.told = told;
        this.catalog = catalog;
        this.draw(modes(catalog));
      }
      this.say("", false);
      this.refresh();
    }
    /** Draw the forms of all modes; an operation that is new appears by itself. */
    draw(described2) {
      const before = this.mode.value ?? "";
      this.forms.clear();
      for (const each of described2) this.forms.set(each.name, new Form(each));
      this.mode.offer(described2.map((each) => [each.title, each.name]));
      this.mode.value = before;
      this.chooseMode(this.mode.value ?? "");
    }
    say(words, isStranger2) {
      Object.assign(this, { words, isStranger: isStranger2 });
      this.show();
    }
  };
  var SIDES = ["left", "top", "right", "bottom"];
  function grownCanvas(document2, values, side) {
    const number = (name) => Math.trunc(Number(values[`expand.${name}`] ?? 0)) || 0;
    const sides = Object.fromEntries(SIDES.map((each) => [each, number(each)]));
    return expansion(document2.canvas, sides, number("overlap"), void 0, side);
  }
  function titleOf2(form) {
    const words = String(form.values().prompt ?? form.mode.title).split(/\s+/).join(" ");
    return words.length <= TITLE ? words : `${words.slice(0, TITLE - 1)}…`;
  }

  // src/main.ts
  var panel = null;
  function appear(root) {
    panel ??= new Panel(root);
  }
  import_uxp3.entrypoints.setup({ panels: { retouch: { create: appear, show: appear } } });
})();
