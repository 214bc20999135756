import { choicesOf, ofRecipe, toRecipe } from "@kit/choices.js";
import { operationForms } from "../panel/form.ts";
import type { GivenPicture } from "./choices.ts";
import { connected, stored } from "./daemon.ts";
import { saveFile } from "./downloads.ts";
import type { Entry } from "./history.ts";
import { announce, inform } from "./notices.ts";
import { fillPanel, isReference, type TakenChoices, type TakenOperation } from "./take_settings.ts";
import { feather } from "./tools.ts";

const MOST_BYTES = 1 << 20;
const YAML = /\.ya?ml$/i;

/**
 * Saves a finished edit as a recipe of `retouch batch`, and beside it the pictures that it names.
 * Throws one sentence where a recipe cannot say what was done.
 */
export async function saveRecipe(entry: Entry): Promise<void> {
  const chosen = choicesOf(entry.effective) as TakenChoices;
  const pictures = new Map<string, File>();
  const operations = await Promise.all(chosen.operations.map((each) => named(each, pictures)));
  // The working size is what came of this picture; another one has its own.
  const own = { operations, variants: entry.results.length, workingSize: 0 };
  const recipe = toRecipe({ ...chosen, ...own });
  const text = `${JSON.stringify(recipe, null, 2)}\n`;
  saveFile(new File([text], "recipe.json", { type: "application/json" }));
  for (const picture of pictures.values()) saveFile(picture);
  announce("Recipe saved");
}

/** An operation whose pictures have the names of files, which are added to `pictures`. */
async function named(
  { name, parameters }: TakenOperation,
  pictures: Map<string, File>,
): Promise<TakenOperation> {
  if ("mask" in parameters) {
    throw new Error(
      "A recipe names files, and this edit limits an operation to a painted mask. " +
        "Fix: switch that off, and generate again",
    );
  }
  const names = async (value: unknown): Promise<unknown> => {
    if (Array.isArray(value)) return Promise.all(value.map(names));
    if (!isReference(value)) return value;
    const file = pictures.get(value.sha256) ?? (await pictureFile(value.sha256));
    pictures.set(value.sha256, file);
    return file.name;
  };
  const given = Object.entries(parameters).map(async ([key, value]) => [key, await names(value)]);
  return { name, parameters: Object.fromEntries(await Promise.all(given)) };
}

async function pictureFile(sha256: string): Promise<File> {
  const bytes = (await connected().get(sha256)) as Uint8Array<ArrayBuffer>;
  return new File([bytes], `picture-${sha256.slice(0, 8)}.${endingOf(bytes)}`);
}

/** By the first bytes of a file: what the daemon stores has no name. */
function endingOf(bytes: Uint8Array): string {
  const begins = (...first: number[]) => first.every((byte, place) => bytes[place] === byte);
  if (begins(0xff, 0xd8)) return "jpg";
  if (begins(0x52, 0x49, 0x46, 0x46)) return "webp";
  if (begins(0x49, 0x49) || begins(0x4d, 0x4d)) return "tif";
  return "png";
}

/**
 * Fills the panel with a recipe; mask and region are the ones that are painted here.
 *
 * @param files the recipe, and the pictures that it names. Throws one sentence.
 */
export async function openRecipe(files: readonly File[]): Promise<void> {
  const recipe = files.find(isRecipe);
  if (!recipe) throw new Error("That is no recipe. Fix: choose a .json file of `retouch recipe`");
  const taken = ofRecipe(await parsed(recipe)) as TakenChoices;
  const pictures = new Map(files.map((file) => [file.name, file]));
  const operations = await Promise.all(taken.operations.map((each) => shown(each, pictures)));
  fillPanel({ ...taken, operations });
  if (taken.feather) feather.value = taken.feather;
  if (taken.workingSize) {
    inform("The recipe's working size was left out: the studio works at the model's own.");
  }
  announce(`Recipe ${recipe.name} opened`);
}

export function isRecipe(file: File): boolean {
  return /\.json$/i.test(file.name) || YAML.test(file.name);
}

async function parsed(file: File): Promise<unknown> {
  if (YAML.test(file.name)) {
    const to = file.name.replace(YAML, ".json");
    const fix = `run \`retouch recipe ${file.name} > ${to}\` and open that`;
    throw new Error(`A browser reads no YAML: ${file.name}. Fix: ${fix}`);
  }
  const fix = "open what `retouch recipe` prints, or what was saved here";
  if (file.size > MOST_BYTES) {
    throw new Error(`${file.name} has more than ${MOST_BYTES} bytes. Fix: ${fix}`);
  }
  try {
    return JSON.parse(await file.text());
  } catch {
    throw new Error(`${file.name} is no JSON. Fix: ${fix}`);
  }
}

/** An operation of a recipe whose pictures are stored, to be shown in the panel. */
async function shown(
  { name, parameters }: TakenOperation,
  files: ReadonlyMap<string, File>,
): Promise<TakenOperation> {
  const form = operationForms.value.find((each) => each.name === name);
  if (!form) throw new Error(`The operation ${name} is not installed. Fix: take it out`);
  if ("mask" in parameters) {
    throw new Error(`${form.title}: a mask is painted here. Fix: take it out of the recipe`);
  }
  const found = { ...parameters };
  for (const field of form.fields.filter((each) => each.kind === "picture")) {
    const value = parameters[field.name];
    if (value === undefined) continue;
    const paths = (Array.isArray(value) ? value : [value]).map(String);
    found[field.name] = await Promise.all(paths.map((path) => pictureOf(field.label, path, files)));
  }
  return { name, parameters: found };
}

async function pictureOf(
  label: string,
  path: string,
  files: ReadonlyMap<string, File>,
): Promise<GivenPicture> {
  const name = path.split(/[\\/]/).pop() ?? path;
  const file = files.get(name);
  if (!file) {
    const fix = "choose the recipe and its pictures together";
    throw new Error(`${label}: ${name} was not chosen. Fix: ${fix}`);
  }
  return { sha256: await stored(file), name, url: URL.createObjectURL(file) };
}
