import { signal } from "@preact/signals";
import { extended } from "@kit/pixel_rows.js";
import { MaskLayer } from "../mask/mask_layer.ts";
import { picture, pngOf, replacePicture } from "./document.ts";
import { mask } from "./mask.ts";
import { announce, fail } from "./notices.ts";
import { maskShown, tool } from "./tools.ts";

/** Pixels to add on each side of the picture, 0 or more. */
export interface Sides {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export const NONE: Sides = { left: 0, top: 0, right: 0, bottom: 0 };
export const sides = signal<Sides>(NONE);

const MOST = 8192;

export function setSide(side: keyof Sides, pixels: number): void {
  sides.value = { ...sides.value, [side]: Math.round(Math.max(0, Math.min(MOST, pixels || 0))) };
}

export function expands({ left, top, right, bottom }: Sides): boolean {
  return left + top + right + bottom > 0;
}

/** Puts the picture on the larger canvas, mirrored outwards, and selects what is new. */
export async function applyExpansion(): Promise<void> {
  const open = picture.value;
  const added = sides.value;
  if (!open || !expands(added)) return;
  try {
    const canvas = larger(open.shown, added);
    const shown = await createImageBitmap(canvas);
    const { width, height } = canvas;
    const { sha256: _, ...rest } = open;
    const layer = newArea(open, added);
    replacePicture(
      "expand canvas",
      { ...rest, shown, width, height, file: await pngOf(canvas) },
      layer,
    );
    sides.value = NONE;
    maskShown.value = true;
    tool.value = "brush";
    announce(`Canvas is now ${width} by ${height} pixels; what is new is selected`);
  } catch (problem) {
    fail(problem);
  }
}

/** The picture on the larger canvas; outside it is mirrored, as models go on from that best. */
function larger(shown: ImageBitmap, { left, top, right, bottom }: Sides): OffscreenCanvas {
  const { width, height } = shown;
  const old = new OffscreenCanvas(width, height);
  const canvas = new OffscreenCanvas(left + width + right, top + height + bottom);
  const [reader, pen] = [old.getContext("2d"), canvas.getContext("2d")];
  if (!reader || !pen)
    throw new Error("The canvas is too large for this browser; add fewer pixels");
  reader.drawImage(shown, 0, 0);
  const pixels = new Uint8Array(reader.getImageData(0, 0, width, height).data.buffer);
  const place = { x: -left, y: -top, width: canvas.width, height: canvas.height };
  const data = extended(pixels, [width, height], place, 4) as Uint8Array<ArrayBuffer>;
  pen.putImageData(new ImageData(new Uint8ClampedArray(data.buffer), canvas.width), 0, 0);
  return canvas;
}

/** Selects the added area, and a soft seam of the old one beside it. */
function newArea(open: { width: number; height: number }, added: Sides): MaskLayer {
  const width = added.left + open.width + added.right;
  const height = added.top + open.height + added.bottom;
  const layer =
    mask.value?.layer.placedOn(width, height, added.left, added.top) ??
    new MaskLayer(width, height);
  const seam = Math.max(2, Math.min(32, Math.round(Math.min(open.width, open.height) / 32)));
  for (let y = 0; y < height; y++) {
    const down = beyond(y, added.top, open.height, added.top, added.bottom);
    for (let x = 0; x < width; x++) {
      const across = beyond(x, added.left, open.width, added.left, added.right);
      const outside = Math.max(down, across);
      const value = outside > 0 ? 255 : Math.max(0, Math.round(255 * (1 + outside / seam)));
      const at = y * width + x;
      if (value > (layer.values[at] ?? 0)) layer.values[at] = value;
    }
  }
  return layer;
}

/** Pixels beyond an edge that is expanded, negative inside; minus infinity where none is. */
function beyond(at: number, start: number, length: number, before: number, after: number): number {
  const fromStart = before > 0 ? start - at : Number.NEGATIVE_INFINITY;
  const fromEnd = after > 0 ? at - (start + length - 1) : Number.NEGATIVE_INFINITY;
  return Math.max(fromStart, fromEnd);
}
