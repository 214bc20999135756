/** Pictures for the panel: small, 8 bits, as the JPEG that Photoshop encodes. */

import { clipped, fitted, isEmpty, rect, relative } from "@kit/geometry.js";
import { scaled, to8bit } from "@kit/pixel_rows.js";
import { imaging } from "photoshop";
import type { Picture, Rect } from "../kit_types.ts";
import { SRGB } from "./sample_form.ts";

/** Longest side in pixels. */
const SIDE = 256;
/** Behind what is transparent. */
const GREY = 119;

/** A part of a document, small: packed RGB rows of 8 bits. */
export interface SmallPicture {
  pixels: Uint8Array;
  width: number;
  height: number;
  /** Which part of the document it shows. */
  area: Rect;
}

/** Return a picture of `area` made small. */
export function small(picture: Picture, area: Rect): SmallPicture {
  const [width, height] = fitted([area.width, area.height], SIDE) as [number, number];
  const found = blank(area, width, height);
  drawn(found, picture, area);
  return found;
}

/** Return a grey picture, for an edit whose document was not read. */
export function nothing(area: Rect): SmallPicture {
  const [width, height] = fitted([area.width, area.height], SIDE) as [number, number];
  return blank(area, width, height);
}

/** Return a copy with a picture with straight alpha drawn over it where it belongs. */
export function over(below: SmallPicture, picture: Picture, bounds: Rect): SmallPicture {
  const found = { ...below, pixels: below.pixels.slice() };
  drawn(found, picture, bounds);
  return found;
}

/** Return it as an address for `<img>`. */
export async function dataUrl({ pixels, width, height }: SmallPicture): Promise<string> {
  const imageData = await imaging.createImageDataFromBuffer(pixels, {
    ...{ width, height, components: 3, chunky: true },
    ...{ colorSpace: "RGB", colorProfile: SRGB },
  });
  try {
    const found = await imaging.encodeImageData({ imageData, base64: true });
    return `data:image/jpeg;base64,${found as string}`;
  } finally {
    imageData.dispose();
  }
}

function blank(area: Rect, width: number, height: number): SmallPicture {
  return { pixels: new Uint8Array(3 * width * height).fill(GREY), width, height, area };
}

/** Draw a picture into the part of a small one that its bounds are. */
function drawn(into: SmallPicture, picture: Picture, bounds: Rect): void {
  const scale = into.width / into.area.width;
  const inside = relative(clipped(bounds, into.area), into.area) as Rect;
  if (isEmpty(inside) || picture.isFile) return;
  const whole = relative(bounds, into.area) as Rect;
  const place = rect(
    ...([whole.x, whole.y, whole.width, whole.height].map((each) => Math.round(each * scale)) as [
      number,
      number,
      number,
      number,
    ]),
  ) as Rect;
  if (place.width < 1 || place.height < 1) return;
  const from = [picture.width, picture.height] as [number, number];
  const size = [place.width, place.height] as [number, number];
  const thin = scaled(picture.data, from, size, picture.pixelBytes);
  const rgba = to8bit(thin, picture.sampleType) as Uint8Array;
  blend(into, rgba, place, picture.sampleType === "FLOAT32");
}

function blend(into: SmallPicture, rgba: Uint8Array, place: Rect, linear: boolean): void {
  const common = clipped(place, rect(0, 0, into.width, into.height)) as Rect;
  for (let y = common.y; y < common.y + common.height; y++) {
    for (let x = common.x; x < common.x + common.width; x++) {
      const at = 4 * ((y - place.y) * place.width + x - place.x);
      const to = 3 * (y * into.width + x);
      const alpha = (rgba[at + 3] ?? 0) / 255;
      for (let i = 0; i < 3; i++) {
        const value = shown(rgba[at + i] ?? 0, linear);
        into.pixels[to + i] = Math.round(value * alpha + (into.pixels[to + i] ?? 0) * (1 - alpha));
      }
    }
  }
}

/** Documents of 32 bits are linear: near enough for a look. */
const shown = (value: number, linear: boolean) =>
  linear ? 255 * (value / 255) ** (1 / 2.2) : value;
