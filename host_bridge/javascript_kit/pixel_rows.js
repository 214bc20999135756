/** Rows of pixels as Uint8Array: cut, extend, masks and alpha. The twin of `pixel_rows.py`. */

import { clipped, bottom, isEmpty, rect, right } from "./geometry.js";

/** Names of `retouch.v1.SampleType` -> bytes per sample. */
export const SAMPLES = { UINT8: 1, UINT16: 2, FLOAT16: 2, FLOAT32: 4 };
/** Sample type -> bytes of a sample that is 1.0, little-endian. */
const ONE = { UINT8: [255], UINT16: [255, 255], FLOAT16: [0, 0x3c], FLOAT32: [0, 0, 0x80, 0x3f] };

/**
 * Return the pixels of an area that may lie partly outside the picture, where it is mirrored.
 *
 * @param {Uint8Array} pixels packed rows.
 * @param {number[]} size width and height of the picture.
 * @param {object} area in the picture's pixels.
 * @param {number} pixelBytes bytes per pixel.
 */
export function extended(pixels, [width, height], area, pixelBytes) {
  const found = new Uint8Array(area.width * area.height * pixelBytes);
  const columns = Array.from({ length: area.width }, (_, i) => mirrored(area.x + i, width));
  let to = 0;
  for (let y = area.y; y < bottom(area); y++) {
    const begin = mirrored(y, height) * width;
    for (const column of columns) {
      const from = (begin + column) * pixelBytes;
      for (let i = 0; i < pixelBytes; i++) found[to++] = pixels[from + i];
    }
  }
  return found;
}

/** Return the pixels of an area that lies inside a picture of packed rows. */
export function cut(pixels, [width], area, pixelBytes) {
  const row = area.width * pixelBytes;
  const found = new Uint8Array(row * area.height);
  for (let y = 0; y < area.height; y++) {
    const start = ((area.y + y) * width + area.x) * pixelBytes;
    found.set(pixels.subarray(start, start + row), y * row);
  }
  return found;
}

/** Return a mask of `size`: 0 inside `kept`, 255 outside, for expanding a canvas. */
export const expansionMask = (size, kept) => twoValues(size, kept, 0, 255);

/** Return a mask of `size` that is 255 inside `area` and 0 elsewhere. */
export const rectangleMask = (size, area) => twoValues(size, area, 255, 0);

/** Return four-channel pixels with full alpha, for a layer whose mask is separate. */
export function opaque(pixels, sampleType) {
  const one = ONE[sampleType];
  const found = pixels.slice();
  for (let at = 3 * one.length; at < found.length; at += 4 * one.length) found.set(one, at);
  return found;
}

/** Return the alpha of four-channel pixels, one byte per pixel; 16 bits are rounded down. */
export function alphaBytes(pixels, sampleType) {
  const size = SAMPLES[sampleType];
  const alpha = new Uint8Array(pixels.length / 4);
  for (let at = 0; at < alpha.length; at += size) {
    for (let i = 0; i < size; i++) alpha[at + i] = pixels[4 * at + 3 * size + i];
  }
  return to8bit(alpha, sampleType);
}

/** Return samples of any type as UINT8; 16 bits are rounded down, floats clipped to 0..1. */
export function to8bit(samples, sampleType) {
  if (sampleType === "UINT8") return samples;
  const size = SAMPLES[sampleType];
  const found = new Uint8Array(samples.length / size);
  const view = new DataView(samples.buffer, samples.byteOffset, samples.byteLength);
  for (let i = 0; i < found.length; i++) {
    if (sampleType === "UINT16") found[i] = samples[2 * i + 1];
    else {
      const value = size === 4 ? view.getFloat32(4 * i, true) : half(view.getUint16(2 * i, true));
      if (value > 1) found[i] = 255;
      else if (value >= 0) found[i] = Math.floor(255 * value + 0.5);
    }
  }
  return found;
}

/** Return packed rows at another size, nearest neighbour: for previews. */
export function scaled(pixels, [width, height], [newWidth, newHeight], pixelBytes) {
  const found = new Uint8Array(newWidth * newHeight * pixelBytes);
  const from = (i, of, wanted) => Math.floor(((2 * i + 1) * of) / (2 * wanted));
  let to = 0;
  for (let y = 0; y < newHeight; y++) {
    const begin = from(y, height, newHeight) * width;
    for (let x = 0; x < newWidth; x++) {
      const at = (begin + from(x, width, newWidth)) * pixelBytes;
      for (let i = 0; i < pixelBytes; i++) found[to++] = pixels[at + i];
    }
  }
  return found;
}

function mirrored(at, length) {
  const phase = ((at % (2 * length)) + 2 * length) % (2 * length);
  return phase < length ? phase : 2 * length - 1 - phase;
}

function twoValues([width, height], area, inside, outside) {
  const found = new Uint8Array(width * height).fill(outside);
  const part = clipped(area, rect(0, 0, width, height));
  if (isEmpty(part)) return found;
  for (let y = part.y; y < bottom(part); y++) {
    found.fill(inside, y * width + part.x, y * width + right(part));
  }
  return found;
}

/** A half-precision number; see IEEE 754. */
function half(bits) {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
