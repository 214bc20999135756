/** Names for what `javascript_kit` gives and takes. */

export type { Retouch } from "@kit/client.js";

/** Rows of samples, or the bytes of a file: of `pictures.js`. */
export interface Picture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly sampleType: string;
  readonly isFile: boolean;
  readonly pixelBytes: number;
}

/** Whole pixels of a document. */
export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** How a canvas grows: of `geometry.expansion`. */
export interface Expansion {
  canvas: Rect;
  crop: Rect;
  kept: Rect;
  offset: number[];
  read: Rect;
}

/** A field of a panel, as `panel_form.js` describes it. */
export interface Field {
  key: string;
  operation: string;
  name: string;
  label: string;
  kind: string;
  several: boolean;
  required: boolean;
  default: unknown;
  low: number | null;
  high: number | null;
  step: number | null;
  unit: string;
  choices: string[];
  help: string;
  simple: boolean;
}

/** A way to edit. */
export interface Mode {
  name: string;
  title: string;
  help: string;
  operations: string[];
  needs: string[];
  fields: Field[];
  missing: string;
  optional: string[];
}

/** By field key; what is not there is as by default. */
export type Values = Record<string, unknown>;

export type Catalog = Record<string, unknown>;

export interface Progress {
  /** 0 to 1; null = it waits. */
  share: number | null;
  words: string;
  /** Seconds; null = not known. */
  remaining: number | null;
}

/** A picture on the way. */
export interface Preview {
  variant: number;
  picture: Picture;
  bounds: Rect;
}

/** One finished variant. */
export interface EditResult extends Preview {
  /** Soft, one byte per pixel of the bounds. */
  mask: Uint8Array;
  seed: string;
  receiptId: string;
  effective: Record<string, unknown>;
}

/** An event of a job in JSON form. */
export type JobEvent = Record<string, unknown>;
