import { batch } from "@preact/signals";
import { choicesOf } from "@kit/choices.js";
import * as choices from "./choices.ts";
import { connected } from "./daemon.ts";
import type { Entry } from "./history.ts";
import { announce, fail } from "./notices.ts";

/** Fills the panel with what a finished edit was made from, pictures included. */
export async function takeSettings(entry: Entry): Promise<void> {
  const taken = choicesOf(entry.effective) as TakenChoices;
  const { output = {} } = entry.effective.request;
  try {
    const operations = await Promise.all(taken.operations.map(withPictures));
    batch(() => {
      fillPanel({ ...taken, operations, variants: entry.results.length });
      choices.mediaType.value = String(output.mediaType ?? "image/png");
    });
    announce("Settings taken from the history");
  } catch (problem) {
    fail(problem);
  }
}

/** What was chosen, as the kit reads it from a result or a recipe. */
export interface TakenChoices {
  readonly prompt: string;
  readonly negative: string;
  readonly model: string;
  readonly variants: number;
  readonly seed: string | number | null;
  readonly steps: number | null;
  readonly sampler: string;
  readonly feather: number;
  readonly workingSize: number | readonly number[];
  readonly operations: readonly TakenOperation[];
}

export interface TakenOperation {
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** Fills the panel; pictures are given as they are shown there. */
export function fillPanel(taken: TakenChoices): void {
  batch(() => {
    choices.prompt.value = taken.prompt;
    choices.negative.value = taken.negative;
    choices.model.value = taken.model;
    choices.count.value = taken.variants;
    choices.seed.value = taken.seed === null ? "" : String(taken.seed);
    choices.steps.value = taken.steps;
    choices.sampler.value = taken.sampler;
    choices.active.value = new Set(taken.operations.map((each) => each.name));
    const own = Object.fromEntries(taken.operations.map((each) => [each.name, each.parameters]));
    choices.parameters.value = { ...choices.parameters.value, ...own };
  });
}

/** Pictures come as names of the daemon's blobs: they are fetched to be shown. */
async function withPictures({ name, parameters }: TakenOperation): Promise<TakenOperation> {
  const shown: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(parameters)) {
    const several = Array.isArray(value) ? value : [value];
    if (key === "mask") shown[key] = true;
    else if (several.length > 0 && several.every(isReference))
      shown[key] = await Promise.all(several.map(fetched));
    else shown[key] = value;
  }
  return { name, parameters: shown };
}

export function isReference(value: unknown): value is { sha256: string } {
  return typeof value === "object" && value !== null && "sha256" in value;
}

async function fetched({ sha256 }: { sha256: string }): Promise<choices.GivenPicture> {
  const bytes = await connected().get(sha256);
  return {
    sha256,
    name: `picture ${sha256.slice(0, 8)}`,
    url: URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>])),
  };
}
