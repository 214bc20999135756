/**
 * Rectangles of an edit: which part of a document is read, and where the result goes. The twin of
 * `plugin_kit/geometry.py`, number for number.
 *
 * A rectangle is {x, y, width, height} in whole pixels; x grows to the right, y downwards. A
 * document's bounds may begin at negative coordinates.
 */

/** Shapes that models work at: pictures of other shapes are completed by reflection. */
export const RATIOS = [1, 4 / 3, 3 / 4, 16 / 9, 9 / 16];

export const rect = (x, y, width, height) => ({ x, y, width, height });
export const right = (of) => of.x + of.width;
export const bottom = (of) => of.y + of.height;
export const isEmpty = (of) => of.width <= 0 || of.height <= 0;
export const shifted = (of, dx, dy) => rect(of.x + dx, of.y + dy, of.width, of.height);

/** Return it with every side moved outwards; inwards where negative, down to nothing. */
export function grown(of, pixels) {
  const [width, height] = [of.width, of.height].map((side) => Math.max(0, side + 2 * pixels));
  return rect(of.x - pixels, of.y - pixels, width, height);
}

/** Return the common part; it is empty where there is none. */
export function clipped(one, other) {
  const [x, y] = [Math.max(one.x, other.x), Math.max(one.y, other.y)];
  const width = Math.min(right(one), right(other)) - x;
  const height = Math.min(bottom(one), bottom(other)) - y;
  return rect(x, y, Math.max(0, width), Math.max(0, height));
}

/** Tell whether all of `inner` lies inside `outer`. */
export function contains(outer, inner) {
  const insideX = outer.x <= inner.x && right(inner) <= right(outer);
  return insideX && outer.y <= inner.y && bottom(inner) <= bottom(outer);
}

/** Return the rectangle of a `retouch.v1.Rect` in JSON, whose zeros are left out. */
export const rectOf = ({ x = 0, y = 0, width = 0, height = 0 } = {}) => rect(x, y, width, height);

/**
 * Return the part of the document to read and send, in document pixels: the selection with its
 * surroundings, at the nearest shape that models work at, inside the canvas.
 *
 * @param {object|null} selection what is edited; null or outside of the canvas = the whole canvas.
 * @param {object} canvas bounds of the document.
 * @param {number} paddingFraction surroundings on each side, as a fraction of the selection's
 *   longer side, 0 to 4; at least 16 pixels unless it is 0.
 * @param {number} shortestSide the sides are at least so long where the canvas allows it.
 */
export function region(selection, canvas, paddingFraction = 0.25, shortestSide = 64) {
  const area = selection ? clipped(selection, canvas) : canvas;
  return withSurroundings(isEmpty(area) ? canvas : area, canvas, paddingFraction, shortestSide);
}

/** Return a rectangle of the document in pixels of the crop that was sent. */
export const relative = (of, crop) => shifted(of, -crop.x, -crop.y);

/** Return where a patch goes in the document: its bounds in the crop, shifted by the crop. */
export const placed = (bounds, crop) => shifted(bounds, crop.x, crop.y);

/**
 * Plan how a canvas is expanded by `sides` = {left, top, right, bottom} pixels.
 *
 * Returns {canvas, crop, kept, offset, read} in pixels of the old document: the new canvas; the
 * part of it to send; the part of that whose pixels stay; where the old corner lies in the new
 * canvas; the part of the old canvas to read. Throws RangeError.
 *
 * @param {number} overlap pixels along the expanded edges that may change, for a soft seam.
 */
export function expansion(canvas, sides, overlap = 0, paddingFraction = 0.25, shortestSide = 64) {
  const given = ["left", "top", "right", "bottom"].map((side) => sides[side] ?? 0);
  const [left, top, atRight, atBottom] = given;
  if (Math.min(...given) < 0 || Math.max(...given) === 0) {
    const words = given.join(", ");
    throw new RangeError(`Expand by ${words} pixels is not possible. Fix: add pixels to a side.`);
  }
  const { x, y, width, height } = canvas;
  const larger = rect(x - left, y - top, width + left + atRight, height + top + atBottom);
  const kept = shrunk(canvas, overlap, given);
  const area = aroundNew(larger, kept, given);
  const crop = withSurroundings(area, larger, paddingFraction, shortestSide);
  const [keptThere, read] = [clipped(kept, crop), clipped(canvas, crop)];
  return { canvas: larger, crop, kept: keptThere, offset: [left, top], read };
}

/** Return a feather in pixels that suits a hard-edged selection: 1/16 of its shorter side. */
export function defaultFeather({ width, height }) {
  const shorter = Math.min(width, height);
  return shorter < 16 ? 0 : Math.max(2, Math.min(32, Math.floor(shorter / 16)));
}

/** Return a size with the same shape whose longer side is at most `longestSide`. */
export function fitted([width, height], longestSide) {
  const scale = Math.min(1, longestSide / Math.max(width, height));
  return [width, height].map((side) => Math.max(1, round(side * scale)));
}

/** As Python rounds: halves to the even number. */
export function round(value) {
  const near = Math.round(value);
  return Math.abs(value % 1) === 0.5 && near % 2 !== 0 ? near - 1 : near;
}

function shrunk(old, overlap, [left, top, atRight, atBottom]) {
  const across = Math.min(overlap, Math.floor(old.width / 4));
  const down = Math.min(overlap, Math.floor(old.height / 4));
  const [l, t] = [left ? across : 0, top ? down : 0];
  const [r, b] = [atRight ? across : 0, atBottom ? down : 0];
  return rect(old.x + l, old.y + t, old.width - l - r, old.height - t - b);
}

function aroundNew(larger, kept, [left, top, atRight, atBottom]) {
  const x = atRight && !(left || top || atBottom) ? right(kept) : larger.x;
  const y = atBottom && !(left || top || atRight) ? bottom(kept) : larger.y;
  const endX = left && !(top || atRight || atBottom) ? kept.x : right(larger);
  const endY = top && !(left || atRight || atBottom) ? kept.y : bottom(larger);
  return rect(x, y, endX - x, endY - y);
}

function withSurroundings(area, bounds, fraction, shortest) {
  const share = Math.min(Math.max(fraction, 0), 4);
  const padding = share ? Math.max(16, round(share * Math.max(area.width, area.height))) : 0;
  const padded = clipped(grown(area, padding), bounds);
  const [width, height] = shaped(
    Math.min(Math.max(padded.width, shortest), bounds.width),
    Math.min(Math.max(padded.height, shortest), bounds.height),
    bounds,
  );
  const x = padded.x - Math.floor((width - padded.width) / 2);
  const y = padded.y - Math.floor((height - padded.height) / 2);
  return rect(
    Math.min(Math.max(x, bounds.x), right(bounds) - width),
    Math.min(Math.max(y, bounds.y), bottom(bounds) - height),
    width,
    height,
  );
}

function shaped(width, height, bounds) {
  const sizes = RATIOS.map((ratio) => [
    Math.min(bounds.width, Math.max(width, upwards(height * ratio))),
    Math.min(bounds.height, Math.max(height, upwards(width / ratio))),
  ]);
  const cost = ([w, h]) => [misfit(w / h), w * h];
  return sizes.reduce((best, size) => {
    const [[fit, area], [bestFit, bestArea]] = [cost(size), cost(best)];
    return fit < bestFit || (fit === bestFit && area < bestArea) ? size : best;
  });
}

/** Rounded up, but for what is only the error of a division. */
const upwards = (value) => Math.ceil(Math.round(value * 1e6) / 1e6);

function misfit(ratio) {
  const octaves = RATIOS.map((known) => Math.abs(Math.log2(ratio) - Math.log2(known)));
  return round(10 * Math.min(...octaves));
}
