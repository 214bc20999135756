import { type Brush, coverage, distanceToSegment } from "./brush.ts";
import { clamp, isEmpty, pixelsBetween, type Rect, union } from "./rect.ts";

/** A piece of a mask, to put back. */
export interface Piece {
  readonly rect: Rect;
  readonly values: Uint8Array;
}

/**
 * A soft mask of a picture: one byte a pixel, 255 = edit fully.
 *
 * A stroke is the largest coverage along its line, so going over a place twice in one stroke does
 * not harden its edge.
 */
export class MaskLayer {
  readonly values: Uint8Array;
  #before: Uint8Array | null = null;
  #stroke: Uint8Array | null = null;
  #touched: Rect | null = null;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.values = new Uint8Array(width * height);
  }

  get whole(): Rect {
    return { x: 0, y: 0, width: this.width, height: this.height };
  }

  beginStroke(): void {
    this.#before = this.values.slice();
    this.#stroke = new Uint8Array(this.values.length);
    this.#touched = null;
  }

  /** Goes on with the stroke from a to b; returns what changed. */
  strokeTo(brush: Brush, erase: boolean, ax: number, ay: number, bx: number, by: number): Rect {
    const radius = brush.size / 2;
    const rect = pixelsBetween(
      Math.min(ax, bx) - radius - 2,
      Math.min(ay, by) - radius - 2,
      Math.max(ax, bx) + radius + 2,
      Math.max(ay, by) + radius + 2,
      this.width,
      this.height,
    );
    const before = this.#before;
    const stroke = this.#stroke;
    if (isEmpty(rect) || !before || !stroke) return rect;
    for (let y = rect.y; y < rect.y + rect.height; y++) {
      for (let x = rect.x; x < rect.x + rect.width; x++) {
        const distance = distanceToSegment(x + 0.5, y + 0.5, ax, ay, bx, by);
        const painted = Math.round(
          255 * brush.strength * coverage(distance, radius, brush.hardness),
        );
        const at = y * this.width + x;
        if (painted <= (stroke[at] ?? 0)) continue;
        stroke[at] = painted;
        const old = before[at] ?? 0;
        this.values[at] = erase ? Math.min(old, 255 - painted) : Math.max(old, painted);
      }
    }
    this.#touched = this.#touched ? union(this.#touched, rect) : rect;
    return rect;
  }

  /** Ends the stroke; returns how it was before where it changed, or null where nothing was. */
  endStroke(): Piece | null {
    const touched = this.#touched;
    const before = this.#before;
    this.#before = this.#stroke = this.#touched = null;
    return touched && before ? { rect: touched, values: cut(before, this.width, touched) } : null;
  }

  /** Takes the stroke back, as if it had not begun. */
  dropStroke(): Rect | null {
    const touched = this.#touched;
    if (this.#before) this.values.set(this.#before);
    this.#before = this.#stroke = this.#touched = null;
    return touched;
  }

  fill(rect: Rect, value: number): void {
    for (let y = rect.y; y < rect.y + rect.height; y++) {
      const row = y * this.width;
      this.values.fill(value, row + rect.x, row + rect.x + rect.width);
    }
  }

  invert(): void {
    for (let at = 0; at < this.values.length; at++) this.values[at] = 255 - (this.values[at] ?? 0);
  }

  cut(rect: Rect): Piece {
    return { rect, values: cut(this.values, this.width, rect) };
  }

  put(piece: Piece): void {
    const { rect, values } = piece;
    for (let row = 0; row < rect.height; row++) {
      const line = values.subarray(row * rect.width, (row + 1) * rect.width);
      this.values.set(line, (rect.y + row) * this.width + rect.x);
    }
  }

  /** The smallest rectangle around everything that is edited; null where nothing is. */
  extent(): Rect | null {
    const { values, width } = this;
    let first = 0;
    while (first < values.length && values[first] === 0) first++;
    if (first === values.length) return null;
    let last = values.length - 1;
    while (values[last] === 0) last--;
    const top = Math.floor(first / width);
    const bottom = Math.floor(last / width);
    let left = width;
    let right = 0;
    for (let y = top; y <= bottom; y++) {
      const row = y * width;
      for (let x = 0; x < left; x++) if (values[row + x] !== 0) left = x;
      for (let x = width - 1; x > right; x--) if (values[row + x] !== 0) right = x;
    }
    right = Math.max(left, right);
    return { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
  }

  /** The same mask on a larger canvas. */
  placedOn(width: number, height: number, x: number, y: number): MaskLayer {
    const larger = new MaskLayer(width, height);
    for (let row = 0; row < this.height; row++) {
      const line = this.values.subarray(row * this.width, (row + 1) * this.width);
      larger.values.set(line, (clamp(y, 0, height) + row) * width + x);
    }
    return larger;
  }
}

function cut(values: Uint8Array, width: number, rect: Rect): Uint8Array {
  const piece = new Uint8Array(rect.width * rect.height);
  for (let row = 0; row < rect.height; row++) {
    const from = (rect.y + row) * width + rect.x;
    piece.set(values.subarray(from, from + rect.width), row * rect.width);
  }
  return piece;
}
