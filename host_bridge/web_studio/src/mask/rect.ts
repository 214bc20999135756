/** A rectangle in picture pixels. */
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The whole pixels that a rectangle between two corners touches, inside a picture. */
export function pixelsBetween(
  ax: number,
  ay: number,
  bx: number,
  by: number,
  width: number,
  height: number,
): Rect {
  const left = clamp(Math.round(Math.min(ax, bx)), 0, width);
  const top = clamp(Math.round(Math.min(ay, by)), 0, height);
  const right = clamp(Math.round(Math.max(ax, bx)), 0, width);
  const bottom = clamp(Math.round(Math.max(ay, by)), 0, height);
  return { x: left, y: top, width: right - left, height: bottom - top };
}

export function union(a: Rect, b: Rect): Rect {
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return {
    x,
    y,
    width: Math.max(a.x + a.width, b.x + b.width) - x,
    height: Math.max(a.y + a.height, b.y + b.height) - y,
  };
}

export function isEmpty(rect: Rect): boolean {
  return rect.width <= 0 || rect.height <= 0;
}

export function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
