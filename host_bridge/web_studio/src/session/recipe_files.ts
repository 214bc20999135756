import { choicesOf, ofRecipe, toRecipe } from "@kit/choices.js";
import { batch } from "@preact/signals";
import { connected, stored } from "./daemon.ts";
import { saveFile } from "./downloads.ts";
import type { Entry } from "./history.ts";
import { announce, inform, notice } from "./notices.ts";
import { checkedFiles, parsedRecipe, type RecipeChoices } from "./recipe_checks.ts";
import { fillPanel, isReference, type TakenChoices, type TakenOperation } from "./take_settings.ts";
import { feather } from "./tools.ts";

/**
 * Saves a finished edit as a recipe of `retouch batch`, and beside it the pictures that it names.
 * Throws one sentence where a recipe cannot say what was done.
 */
export async function saveRecipe(entry: Entry): Promise<void> {
  const first = entry.results.toSorted((a, b) => (a.variant ?? 0) - (b.variant ?? 0))[0];
  const effective = first?.effective ?? entry.effective;
  const chosen = choicesOf(effective) as TakenChoices;
  const pictures = new Map<string, File>();
  const operations = await Promise.all(chosen.operations.map((each) => named(each, pictures)));
  // The working size is what came of this picture; another one has its own.
  const own = { operations, variants: entry.results.length, workingSize: 0 };
  const text = `${JSON.stringify(toRecipe({ ...chosen, ...own }), null, 2)}\n`;
  saveFile(new File([text], "recipe.json", { type: "application/json" }));
  for (const picture of pictures.values()) saveFile(picture);
  notice.value = null;
  if (effective.request.mask) {
    inform(
      "The recipe has no mask, as it was painted for this picture. " +
        'For others add "mask": "masks/{stem}.png" to it.',
    );
  }
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
 * Fills the panel with a recipe; its mask is the one that is painted here. Nothing changes where it
 * throws, which is one sentence.
 *
 * @param files the recipe, and the pictures that it names.
 */
export async function openRecipe(files: readonly File[]): Promise<void> {
  const recipe = await parsedRecipe(files);
  const taken = ofRecipe(recipe.fields) as RecipeChoices;
  const pictures = checkedFiles(taken, files);
  const operations = await Promise.all(taken.operations.map((each) => shown(each, pictures)));
  batch(() => {
    fillPanel({ ...taken, operations });
    feather.value = taken.feather;
    notice.value = null;
  });
  if (recipe.leftOut.length > 0) {
    inform(`Left out, as the studio has no such field: ${recipe.leftOut.join(", ")}.`);
  }
  announce(`Recipe ${recipe.name} opened`);
}

/** An operation of a recipe whose pictures are stored, to be shown in the panel. */
async function shown(
  { name, parameters }: TakenOperation,
  pictures: ReadonlyMap<string, File>,
): Promise<TakenOperation> {
  const found: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(parameters)) {
    const files = [value].flat().map((each) => pictures.get(String(each)));
    const given = files.filter((file) => file !== undefined);
    const isPictures = given.length > 0 && given.length === files.length;
    found[key] = isPictures ? await Promise.all(given.map(givenPicture)) : value;
  }
  return { name, parameters: found };
}

async function givenPicture(file: File) {
  return { sha256: await stored(file), name: file.name, url: URL.createObjectURL(file) };
}
