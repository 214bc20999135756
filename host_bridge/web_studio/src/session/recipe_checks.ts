import { operationForms } from "../panel/form.ts";
import type { TakenChoices, TakenOperation } from "./take_settings.ts";

/** A recipe's choices; pictures have the names of files. */
export type RecipeChoices = TakenChoices;

/** A recipe as its file has it. */
export interface RecipeFile {
  readonly name: string;
  /** By the names that recipes have; see docs/recipes.md. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Names of fields that the studio has no place for. */
  readonly leftOut: readonly string[];
}

const MOST_BYTES = 1 << 20;
const YAML = /\.ya?ml$/i;
const TAKEN = [
  ...["recipe", "prompt", "negative_prompt", "operations", "model", "sampler"],
  ...["steps", "seed", "variants", "feather"],
];
const ALIASES: Readonly<Record<string, string>> = {
  negative: "negative_prompt",
  ops: "operations",
};
const LEFT_OUT = [
  ...["mask", "region", "padding", "output", "exact", "working_size", "depth", "profile"],
  ...["format", "name", "layer", "result_layer", "color_space", "exposure", "inputs"],
];
const PARAMETERS_OF_ALL = ["start", "stop"];
/** A seed of more digits than a number of JavaScript holds. */
const LONG_SEED = /("seed"\s*:\s*)(\d{16,19})(?=\s*[,}])/g;

export function isRecipe(file: File): boolean {
  return /\.json$/i.test(file.name) || YAML.test(file.name);
}

/** Reads the one recipe among files. Throws one sentence. */
export async function parsedRecipe(files: readonly File[]): Promise<RecipeFile> {
  const [recipe, other] = files.filter(isRecipe);
  if (!recipe) throw new Error("That is no recipe. Fix: choose a .json file of `retouch recipe`");
  if (other) throw new Error(`${other.name} is a second recipe. Fix: choose one`);
  const found = await parsed(recipe);
  const fields: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(found)) {
    const name = ALIASES[key] ?? key;
    if (TAKEN.includes(name)) fields[name] = value;
    else if (!LEFT_OUT.includes(name)) {
      const allowed = `allowed: ${[...TAKEN, ...LEFT_OUT].join(", ")}`;
      throw new Error(`${recipe.name} has a field ${name}; ${allowed}. Fix: take it out`);
    }
  }
  const leftOut = Object.keys(found).filter((key) => LEFT_OUT.includes(key));
  return { name: recipe.name, fields, leftOut };
}

async function parsed(file: File): Promise<object> {
  if (YAML.test(file.name)) {
    const to = file.name.replace(YAML, ".json");
    const fix = `run \`retouch recipe "${file.name}" > "${to}"\` and open that`;
    throw new Error(`A browser reads no YAML: ${file.name}. Fix: ${fix}`);
  }
  const fix = "open what `retouch recipe` prints, or what was saved here";
  if (file.size > MOST_BYTES) {
    throw new Error(`${file.name} has more than ${MOST_BYTES} bytes. Fix: ${fix}`);
  }
  const text = await file.text();
  let found: unknown;
  try {
    found = JSON.parse(text.replaceAll(LONG_SEED, '$1"$2"'));
  } catch {
    throw new Error(`${file.name} is no JSON. Fix: ${fix}`);
  }
  if (typeof found !== "object" || found === null || Array.isArray(found)) {
    throw new Error(`${file.name} is no recipe. Fix: ${fix}`);
  }
  return found;
}

/** Checks operations and their parameters; returns the pictures they name. Throws one sentence. */
export function checkedFiles(
  taken: RecipeChoices,
  files: readonly File[],
): ReadonlyMap<string, File> {
  const byName = new Map(files.map((file) => [file.name, file]));
  const found = new Map<string, File>();
  const names = taken.operations.map((each) => each.name);
  for (const operation of taken.operations) {
    if (names.indexOf(operation.name) !== names.lastIndexOf(operation.name)) {
      throw new Error(`${operation.name} is there twice. Fix: take one out, or use retouch batch`);
    }
    for (const [label, path] of picturesOf(operation)) {
      const file = byName.get(path.split(/[\\/]/).pop() ?? path);
      if (!file) {
        const fix = "choose the recipe and its pictures together";
        throw new Error(`${label}: ${path} was not chosen. Fix: ${fix}`);
      }
      found.set(path, file);
    }
  }
  return found;
}

/** Label and name of each picture of an operation, whose parameters are all known. */
function picturesOf({ name, parameters }: TakenOperation): [string, string][] {
  const form = operationForms.value.find((each) => each.name === name);
  if (!form) throw new Error(`The operation ${name} is not installed. Fix: take it out`);
  return Object.entries(parameters).flatMap(([key, value]): [string, string][] => {
    if (PARAMETERS_OF_ALL.includes(key)) return [];
    if (key === "mask") {
      throw new Error(`${form.title}: a mask is painted here. Fix: take it out of the recipe`);
    }
    const field = form.fields.find((each) => each.name === key);
    if (!field) throw new Error(`${form.title} has no ${key}. Fix: take it out of the recipe`);
    if (field.kind !== "picture" || value === null) return [];
    return [value].flat().map((each) => [field.label, String(each)]);
  });
}
