/** How a brush paints; sizes in picture pixels. */
export interface Brush {
  /** Diameter, 1 to 2000. */
  size: number;
  /** Share of the radius at full strength, 0 to 1. */
  hardness: number;
  /** Mask value at full strength, 0 to 1. */
  strength: number;
}

/**
 * Coverage at a distance from the middle of a stroke, 0 to 1.
 *
 * The edge is never narrower than a pixel, so that a hard brush is smooth, too.
 */
export function coverage(distance: number, radius: number, hardness: number): number {
  const soft = Math.max(1, radius * (1 - hardness));
  const share = (radius + 0.5 - distance) / soft;
  if (share >= 1) return 1;
  if (share <= 0) return 0;
  return share * share * (3 - 2 * share);
}

/** Distance of a point from the line between two points. */
export function distanceToSegment(
  x: number,
  y: number,
  ax: number,
  ay: number,
  bx: number,
  by: number,
): number {
  const dx = bx - ax;
  const dy = by - ay;
  const length = dx * dx + dy * dy;
  const along =
    length === 0 ? 0 : Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length));
  return Math.hypot(x - ax - along * dx, y - ay - along * dy);
}
