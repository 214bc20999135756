/**
 * ICC profiles of the RGB spaces that Photoshop knows by name. Photoshop tells plugins only names, and
 * the daemon takes only profiles: a matrix/TRC profile (ICC.1:2010, 8.3.3) is small enough to write.
 */

/** D50-adapted colorants of red, green and blue (X, Y, Z each), and the tone curve. */
interface Space {
  colorants: number[][];
  /** An exponent, or the five numbers of sRGB's parametric curve. */
  curve: number | number[];
}

const SRGB_CURVE = [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045];
const SRGB_COLORANTS = [
  [0.43607, 0.22249, 0.01392],
  [0.38515, 0.71687, 0.09708],
  [0.14307, 0.06061, 0.7141],
];
/** Names as Photoshop writes them. The colorants are those of the profiles that it ships. */
const SPACES: Record<string, Space> = {
  "sRGB IEC61966-2.1": { colorants: SRGB_COLORANTS, curve: SRGB_CURVE },
  "Adobe RGB (1998)": {
    colorants: [
      [0.60974, 0.31111, 0.01947],
      [0.20528, 0.62567, 0.06087],
      [0.14919, 0.06322, 0.74457],
    ],
    curve: 563 / 256,
  },
  "Display P3": {
    colorants: [
      [0.51512, 0.2412, -0.00105],
      [0.29198, 0.69225, 0.04189],
      [0.1571, 0.06657, 0.78407],
    ],
    curve: SRGB_CURVE,
  },
  "ProPhoto RGB": {
    colorants: [
      [0.79767, 0.28804, 0],
      [0.13519, 0.71188, 0],
      [0.03134, 0.00009, 0.82491],
    ],
    curve: 1.8,
  },
};
const D50 = [0.9642, 1, 0.82491];
const HEADER = 128;

/** Return the bytes of the profile of a name, with its own curve or linear; null = not known. */
export function iccProfile(name: string, linear = false): Uint8Array | null {
  const space = SPACES[name];
  if (!space) return null;
  const curve = parametric(linear ? 1 : space.curve);
  const text = `${name}${linear ? " linear" : ""}`;
  const [red, green, blue] = space.colorants.map(xyz) as [Uint8Array, Uint8Array, Uint8Array];
  return profile([
    ["desc", unicode(text)],
    ["cprt", unicode("CC0")],
    ["wtpt", xyz(D50)],
    ["rXYZ", red],
    ["gXYZ", green],
    ["bXYZ", blue],
    ["rTRC", curve],
    ["gTRC", curve],
    ["bTRC", curve],
  ]);
}

function profile(tags: [string, Uint8Array][]): Uint8Array {
  const table = HEADER + 4 + 12 * tags.length;
  const places = new Map<Uint8Array, number>();
  let size = table;
  for (const [, data] of tags) {
    if (places.has(data)) continue;
    places.set(data, size);
    size += Math.ceil(data.length / 4) * 4;
  }
  const found = new Uint8Array(size);
  const view = new DataView(found.buffer);
  writeHeader(found, view, size);
  view.setUint32(HEADER, tags.length);
  tags.forEach(([name, data], index) => {
    const at = HEADER + 4 + 12 * index;
    const place = places.get(data) ?? 0;
    found.set(ascii(name), at);
    view.setUint32(at + 4, place);
    view.setUint32(at + 8, data.length);
    found.set(data, place);
  });
  return found;
}

function writeHeader(found: Uint8Array, view: DataView, size: number): void {
  view.setUint32(0, size);
  view.setUint32(8, 0x04300000); // version 4.3
  found.set(ascii("mntrRGB XYZ "), 12);
  [2022, 1, 1, 0, 0, 0].forEach((part, index) => view.setUint16(24 + 2 * index, part));
  found.set(ascii("acsp"), 36);
  D50.forEach((value, index) => view.setInt32(68 + 4 * index, fixed(value)));
}

const ascii = (text: string) => Uint8Array.from(text, (each) => each.charCodeAt(0));
const fixed = (value: number) => Math.round(value * 65536);

const xyz = (values: number[]) => numbers("XYZ ", values.map(fixed));

/** A parametric curve: of one exponent (type 0), or piecewise as sRGB's (type 3). */
function parametric(curve: number | number[]): Uint8Array {
  const given = Array.isArray(curve) ? curve : [curve];
  const found = numbers("para", [0, ...given.map(fixed)]);
  new DataView(found.buffer).setUint16(8, Array.isArray(curve) ? 3 : 0);
  return found;
}

/** A kind of element, and 32-bit numbers. */
function numbers(kind: string, values: number[]): Uint8Array {
  const found = new Uint8Array(8 + 4 * values.length);
  const view = new DataView(found.buffer);
  found.set(ascii(kind));
  values.forEach((value, index) => view.setInt32(8 + 4 * index, value));
  return found;
}

function unicode(text: string): Uint8Array {
  const found = new Uint8Array(28 + 2 * text.length);
  const view = new DataView(found.buffer);
  found.set(ascii("mluc"));
  view.setUint32(8, 1);
  view.setUint32(12, 12);
  found.set(ascii("enUS"), 16);
  view.setUint32(20, 2 * text.length);
  view.setUint32(24, 28);
  Array.from(text, (each, index) => view.setUint16(28 + 2 * index, each.charCodeAt(0)));
  return found;
}
