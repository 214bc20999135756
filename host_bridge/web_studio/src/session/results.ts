import { batch, computed, signal } from "@preact/signals";
import type { Rect } from "../mask/rect.ts";

/** One released variant. */
export interface Variant {
  readonly jobId: string;
  readonly index: number;
  readonly seed: string;
  readonly bounds: Rect | null;
  /** The whole picture as the gate released it: these bytes are what is downloaded. */
  readonly file: Blob;
  readonly sha256: string;
  /** What the browser shows of it; null where it cannot (TIFF). */
  readonly shown: ImageBitmap | null;
  readonly receiptId: string;
  readonly rankScore?: number;
  readonly effective: Effective;
}

/** `retouch.v1.EffectiveParameters` in JSON form. */
export interface Effective {
  readonly request: EditMessage;
  readonly device?: string;
  readonly retouchVersion?: string;
}

/** `retouch.v1.EditRequest` in JSON form, as far as the studio looks at it. */
export interface EditMessage {
  clientJobId: string;
  documentId?: string;
  prompt?: { text?: string; negative?: string };
  model?: string;
  sampling?: {
    steps?: number;
    sampler?: string;
    seeds?: string[];
    seedMode?: string;
    exact?: boolean;
  };
  operations?: Record<string, unknown>[];
  output?: Record<string, unknown>;
  canvas?: Record<string, unknown>;
  mask?: Record<string, unknown>;
}

export const variants = signal<readonly Variant[]>([]);
/** How many the edit at work will give; 0 = none is at work. */
export const expected = signal(0);
/** What can be flipped through: null is a variant that is still being made. */
export const slots = computed<readonly (Variant | null)[]>(() => {
  if (expected.value === 0) return variants.value;
  const found = variants.value;
  return Array.from(
    { length: expected.value },
    (_, index) => found.find((each) => each.index === index) ?? null,
  );
});
/** Index into slots; -1 = the original. */
export const chosen = signal(-1);
export const variant = computed(() => slots.value[chosen.value] ?? null);

/** Before and after side by side: null = off, else where the line is, 0 to 1 of the picture. */
export const comparing = signal<number | null>(null);
/** Whether the original is shown as long as a key is held. */
export const peeking = signal(false);

export function choose(index: number): void {
  chosen.value = Math.max(-1, Math.min(slots.value.length - 1, index));
}

/** Puts a set of variants in place of what was shown. */
export function showVariants(found: readonly Variant[], index = 0): void {
  batch(() => {
    expected.value = 0;
    variants.value = found;
    choose(index);
  });
}

export function clearResults(): void {
  variants.value = [];
  chosen.value = -1;
  comparing.value = null;
}
