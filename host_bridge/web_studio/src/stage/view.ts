import { signal } from "@preact/signals";
import { clamp } from "../mask/rect.ts";

/** Where the picture is seen: stage point = picture point * scale + offset, in CSS pixels. */
export interface View {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export interface Area {
  readonly width: number;
  readonly height: number;
}

export const view = signal<View>({ scale: 1, x: 0, y: 0 });
/** The stage's own size in CSS pixels. */
export const stage = signal<Area>({ width: 1, height: 1 });

/** Whether the view is still as `fit` left it. */
export const fitted = () => view.peek() === fittedView.peek();

const fittedView = signal<View | null>(null);
const MARGIN = 36;
/** Kept free for what floats above and below the picture. */
const TOP = 66;
const BOTTOM = 56;
const SMALLEST = 0.02;
const LARGEST = 64;
const STOPS = [0.05, 0.1, 0.25, 1 / 3, 0.5, 2 / 3, 1, 2, 3, 4, 6, 8, 12, 16, 32, 64];

/** Shows all of a picture; a small one is enlarged by whole steps, so that its pixels stay even. */
export function fit(picture: Area): void {
  const { width, height } = stage.value;
  const margin = Math.min(MARGIN, width * 0.04);
  const room = Math.min(
    (width - 2 * margin) / picture.width,
    (height - TOP - BOTTOM) / picture.height,
  );
  const scale = clamp(room > 1 ? Math.floor(room * 4) / 4 : room, SMALLEST, LARGEST);
  view.value = fittedView.value = centred(picture, scale);
}

/** Shows all of a picture with room around it: pixels of the picture on each side. */
export function fitAround(
  picture: Area,
  room: { left: number; top: number; right: number; bottom: number },
): void {
  const width = room.left + picture.width + room.right;
  const height = room.top + picture.height + room.bottom;
  fit({ width, height });
  const { scale, x, y } = view.value;
  view.value = { scale, x: x + room.left * scale, y: y + room.top * scale };
}

export function zoomTo(scale: number, picture: Area): void {
  zoomAt(scale / view.value.scale, stage.value.width / 2, stage.value.height / 2, picture);
}

/** Zooms by a factor around a point of the stage. */
export function zoomAt(factor: number, x: number, y: number, picture: Area): void {
  const old = view.value;
  const scale = clamp(old.scale * factor, SMALLEST, LARGEST);
  const share = scale / old.scale;
  view.value = kept({ scale, x: x - (x - old.x) * share, y: y - (y - old.y) * share }, picture);
}

/** Zooms to the next round number. */
export function zoomStep(direction: 1 | -1, picture: Area): void {
  const now = view.value.scale;
  const next =
    direction > 0
      ? STOPS.find((stop) => stop > now * 1.01)
      : STOPS.findLast((stop) => stop < now * 0.99);
  if (next) zoomTo(next, picture);
}

export function panBy(dx: number, dy: number, picture: Area): void {
  const old = view.value;
  view.value = kept({ ...old, x: old.x + dx, y: old.y + dy }, picture);
}

export function toPicture(x: number, y: number): { x: number; y: number } {
  const { scale, x: left, y: top } = view.value;
  return { x: (x - left) / scale, y: (y - top) / scale };
}

function centred(picture: Area, scale: number): View {
  const { width, height } = stage.value;
  const free = height - TOP - BOTTOM - picture.height * scale;
  const y = free >= 0 ? TOP + free / 2 : (height - picture.height * scale) / 2;
  return { scale, x: Math.round((width - picture.width * scale) / 2), y: Math.round(y) };
}

/** Keeps a corner of the picture on the stage. */
function kept(next: View, picture: Area): View {
  const { width, height } = stage.value;
  const edge = 60;
  return {
    scale: next.scale,
    x: clamp(next.x, edge - picture.width * next.scale, width - edge),
    y: clamp(next.y, edge - picture.height * next.scale, height - edge),
  };
}
