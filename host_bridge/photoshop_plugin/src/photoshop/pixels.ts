/** Reading a document: pixels of a rectangle, and the soft selection. All in a modal. */

import { Picture } from "@kit/pictures.js";
import { clipped, isEmpty, rect } from "@kit/geometry.js";
import { action, imaging } from "photoshop";
import type { Picture as PictureOf, Rect } from "../kit_types.ts";
import { type SampleForm, type Samples, bytesOf } from "./sample_form.ts";

const CHANNELS = 4;

interface ImagingBounds {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Return a rectangle as Photoshop writes it. */
export function boundsOf({ x, y, width, height }: Rect): ImagingBounds {
  return { left: x, top: y, right: x + width, bottom: y + height };
}

export function rectOfBounds({ left, top, right, bottom }: ImagingBounds): Rect {
  return rect(left, top, right - left, bottom - top);
}

/**
 * Return the pixels of a rectangle, RGBA with straight alpha; what Photoshop leaves out, because
 * nothing is there, is transparent.
 *
 * @param layerID the layer; undefined = the document as it is shown.
 */
export async function readPicture(
  documentID: number,
  area: Rect,
  form: SampleForm,
  layerID?: number,
): Promise<PictureOf> {
  const found = await imaging.getPixels({
    documentID,
    sourceBounds: boundsOf(area),
    colorSpace: "RGB",
    componentSize: form.bits,
    ...(layerID === undefined ? {} : { layerID }),
    ...(form.read === undefined ? {} : { colorProfile: form.read }),
  });
  try {
    const { components } = found.imageData;
    const samples = await found.imageData.getData({ chunky: true, fullRange: true });
    const whole = placed(samples, components, rectOfBounds(found.sourceBounds), area);
    const { width, height } = area;
    const { sampleType, profile } = form;
    const made = new Picture(bytesOf(whole), { width, height, sampleType, profile });
    return made as unknown as PictureOf;
  } finally {
    found.imageData.dispose();
  }
}

/** Return where the selection is on the canvas; null = nothing is selected. */
export async function selectedBounds(documentId: number, canvas: Rect): Promise<Rect | null> {
  const target = [{ _property: "selection" }, { _ref: "document", _id: documentId }];
  const [answer] = await action.batchPlay([{ _obj: "get", _target: target }], {});
  const found = answer?.selection as Record<string, { _value: number }> | undefined;
  const side = (name: string) => Math.round(found?.[name]?._value ?? 0);
  if (!found || !("top" in found)) return null;
  const [left, top] = [side("left"), side("top")];
  const area = clipped(rect(left, top, side("right") - left, side("bottom") - top), canvas);
  return isEmpty(area) ? null : area;
}

/** Return the soft selection in a rectangle, one byte per pixel. */
export async function readSelection(documentID: number, area: Rect): Promise<Uint8Array> {
  const found = await imaging.getSelection({ documentID, sourceBounds: boundsOf(area) });
  try {
    const samples = await found.imageData.getData({ chunky: true, fullRange: true });
    const mask = new Uint8Array(area.width * area.height);
    const from = rectOfBounds(found.sourceBounds);
    const bytes = samples instanceof Uint8Array ? samples : to8bit(samples);
    copyRows(bytes, from, mask, area);
    return mask;
  } finally {
    found.imageData.dispose();
  }
}

/** Rows of a part as RGBA rows of all of the area. */
function placed(samples: Samples, components: number, from: Rect, area: Rect): Samples {
  const one = samples instanceof Uint8Array ? 255 : samples instanceof Uint16Array ? 65535 : 1;
  const size = area.width * area.height * CHANNELS;
  const kind = samples.constructor as { new (length: number): Samples };
  const found = new kind(size);
  const common = clipped(from, area);
  const grey = components < 3;
  if (components === CHANNELS && sameRect(from, area)) return samples;
  for (let y = common.y; y < common.y + common.height; y++) {
    let at = ((y - from.y) * from.width + common.x - from.x) * components;
    let to = ((y - area.y) * area.width + common.x - area.x) * CHANNELS;
    for (let left = common.width; left > 0; left--, at += components, to += CHANNELS) {
      found[to] = samples[at] ?? 0;
      found[to + 1] = samples[grey ? at : at + 1] ?? 0;
      found[to + 2] = samples[grey ? at : at + 2] ?? 0;
      found[to + 3] = components % 2 ? one : (samples[at + components - 1] ?? 0);
    }
  }
  return found;
}

/** Whether two rectangles are the same. */
export function sameRect(one: Rect, other: Rect): boolean {
  return one.x === other.x && one.y === other.y && sameSize(one, other);
}

const sameSize = (one: Rect, other: Rect) =>
  one.width === other.width && one.height === other.height;

function copyRows(bytes: Uint8Array, from: Rect, mask: Uint8Array, area: Rect): void {
  const common = clipped(from, area);
  for (let y = common.y; y < common.y + common.height; y++) {
    const at = (y - from.y) * from.width + common.x - from.x;
    const to = (y - area.y) * area.width + common.x - area.x;
    mask.set(bytes.subarray(at, at + common.width), to);
  }
}

/** Of deep documents Photoshop may give a deep selection. */
function to8bit(samples: Uint16Array | Float32Array): Uint8Array {
  const scale = samples instanceof Uint16Array ? 255 / 65535 : 255;
  return Uint8Array.from(samples, (each) => Math.round(Math.min(255, Math.max(0, each * scale))));
}
