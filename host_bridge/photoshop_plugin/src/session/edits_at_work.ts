/** Edits that were at work when the panel or Photoshop was closed: the daemon goes on with them. */

import type { Expansion, Rect } from "../kit_types.ts";
import { store, stored } from "./stored_list.ts";

const KEY = "retouch.edits-at-work";
const MOST = 50;

/** What must be known to fetch an edit. */
export interface EditAtWork {
  jobId: string;
  /** Of the document: `OpenDocument.key`. */
  document: string;
  title: string;
  mode: string;
  crop: Rect;
  /** The canvas as it was read. */
  canvas: Rect;
  variants: number;
  expansion: Expansion | null;
}

/** Remember an edit that has begun. */
export function addAtWork(entry: EditAtWork): void {
  store(KEY, [entry, ...without(entry.jobId)].slice(0, MOST));
}

/** Forget an edit that is over. */
export function removeAtWork(jobId: string): void {
  store(KEY, without(jobId));
}

/** Return the newest edit of a document that is not over; null = none. */
export function atWorkIn(document: string, exceptJobs: string[]): EditAtWork | null {
  const mine = stored<EditAtWork>(KEY).filter((each) => each.document === document);
  return mine.find((each) => !exceptJobs.includes(each.jobId)) ?? null;
}

function without(jobId: string): EditAtWork[] {
  return stored<EditAtWork>(KEY).filter((each) => each.jobId !== jobId);
}
