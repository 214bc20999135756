import { signal } from "@preact/signals";
import { announce } from "./notices.ts";

/** Something that can be taken back. */
export interface Change {
  readonly label: string;
  /** Bytes that it keeps in memory. */
  readonly bytes: number;
  undo(): void;
  redo(): void;
}

const MOST_CHANGES = 200;
const MOST_BYTES = 256 * 1024 * 1024;

const done = signal<readonly Change[]>([]);
const undone = signal<readonly Change[]>([]);

export const canUndo = () => done.value.length > 0;
export const canRedo = () => undone.value.length > 0;

/** Remembers a change that has just been made; what was undone before it is forgotten. */
export function remember(change: Change): void {
  const kept = [...done.value, change].slice(-MOST_CHANGES);
  let bytes = kept.reduce((sum, each) => sum + each.bytes, 0);
  while (kept.length > 1 && bytes > MOST_BYTES) bytes -= kept.shift()?.bytes ?? 0;
  done.value = kept;
  undone.value = [];
}

export function undo(): void {
  const change = done.value.at(-1);
  if (!change) return;
  change.undo();
  done.value = done.value.slice(0, -1);
  undone.value = [...undone.value, change];
  announce(`Undid: ${change.label}`);
}

export function redo(): void {
  const change = undone.value.at(-1);
  if (!change) return;
  change.redo();
  undone.value = undone.value.slice(0, -1);
  done.value = [...done.value, change];
  announce(`Redid: ${change.label}`);
}

export function forgetChanges(): void {
  done.value = [];
  undone.value = [];
}
