/** Edits of a document, and what to fill in to make one again. */

import { choicesOf, ofRecipe, toRecipe } from "@kit/choices.js";
import { modeOf, valuesOf } from "@kit/panel_form.js";
import type { EditResult, Values } from "../kit_types.ts";
import { store, stored } from "./stored_list.ts";

const KEY = "retouch.history";
/** Of all documents together; the oldest go first. */
const MOST = 200;

export interface HistoryEntry {
  document: string;
  /** ISO 8601. */
  time: string;
  mode: string;
  title: string;
  /** With every default and the seed written out. */
  recipe: Record<string, unknown>;
  seed: string;
  receipt: string;
}

/** What a line of the history fills in. */
export interface Remembered {
  mode: string;
  values: Values;
  operations: string[];
}

/** Remember an edit, by one of its results. */
export function addToHistory(document: string, mode: string, title: string, result: EditResult) {
  const entry: HistoryEntry = {
    document,
    time: new Date().toISOString(),
    mode,
    title,
    recipe: toRecipe(choicesOf(result.effective)),
    seed: result.seed,
    receipt: result.receiptId,
  };
  store(KEY, [entry, ...stored<HistoryEntry>(KEY)].slice(0, MOST));
}

/** Return the edits of a document, newest first. */
export function historyOf(document: string): HistoryEntry[] {
  return stored<HistoryEntry>(KEY).filter((each) => each.document === document);
}

/** Have the edits of a document belong to its file, once it was saved. */
export function moveHistory(from: string, to: string): void {
  const moved = (each: HistoryEntry) => (each.document === from ? { ...each, document: to } : each);
  store(KEY, stored<HistoryEntry>(KEY).map(moved));
}

/** Return what an entry fills in. Throws RangeError: a newer version wrote it; one sentence. */
export function remembered(entry: HistoryEntry): Remembered {
  const chosen = ofRecipe(entry.recipe);
  const given = Object.entries(valuesOf(chosen)).filter(([, value]) => value !== "");
  const operations = chosen.operations.map((each: { name: string }) => each.name);
  const mode = entry.mode || modeOf(chosen);
  return { mode, values: Object.fromEntries(given), operations };
}

/** Return a line for people: "14:03  a red house (42)". */
export function wordsOf({ time, title, seed }: HistoryEntry): string {
  const when = new Date(time);
  const [hours, minutes] = [when.getHours(), when.getMinutes()].map((each) =>
    String(each).padStart(2, "0"),
  );
  return `${hours}:${minutes}  ${title} (${seed})`;
}
