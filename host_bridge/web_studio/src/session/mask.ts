import { batch, signal } from "@preact/signals";
import { MaskLayer, type Piece } from "../mask/mask_layer.ts";
import { MaskPicture } from "../mask/mask_picture.ts";
import { isWarm } from "../mask/picture_tint.ts";
import { isEmpty, type Rect } from "../mask/rect.ts";
import { switchOperation } from "./choices.ts";
import { announce } from "./notices.ts";
import { brush, maskShown } from "./tools.ts";
import { remember } from "./undo.ts";

/** The mask of the open picture and its drawing. */
export interface ShownMask {
  readonly layer: MaskLayer;
  readonly picture: MaskPicture;
}

export const mask = signal<ShownMask | null>(null);
/** Counts up whenever the mask's values change. */
export const maskVersion = signal(0);
/** Where it edits; null = nowhere, that is everywhere. */
export const maskExtent = signal<Rect | null>(null);

export function newMask(shown: ImageBitmap): void {
  showMask(new MaskLayer(shown.width, shown.height), shown);
}

/** Shows a mask in a colour that is seen on its picture. */
export function showMask(layer: MaskLayer, over: ImageBitmap): void {
  const picture = new MaskPicture(layer.width, layer.height, isWarm(over));
  picture.draw(layer, layer.whole);
  batch(() => {
    mask.value = { layer, picture };
    maskVersion.value++;
    measure(layer);
  });
}

/** Draws what a stroke under way has changed. */
export function touched(rect: Rect): void {
  const shown = mask.value;
  if (!shown) return;
  shown.picture.draw(shown.layer, rect);
  maskVersion.value++;
}

export function endStroke(erase: boolean): void {
  const shown = mask.value;
  const before = shown?.layer.endStroke();
  if (shown && before) keep(erase ? "erase" : "brush stroke", shown.layer, before);
}

export function dropStroke(): void {
  const rect = mask.value?.layer.dropStroke();
  if (rect) touched(rect);
}

/** Adds a rectangle to the mask, or takes it away. */
export function fillRectangle(rect: Rect, erase: boolean): void {
  if (isEmpty(rect)) return;
  const value = erase ? 0 : Math.round(255 * brush.value.strength);
  change(erase ? "erase rectangle" : "rectangle", rect, (layer) => layer.fill(rect, value));
  announce(`Rectangle ${rect.width} by ${rect.height} ${erase ? "erased" : "added"}`);
}

export function clearMask(): void {
  if (maskExtent.value) change("clear mask", null, (layer) => layer.values.fill(0));
  announce("Mask cleared: the whole picture may change");
}

export function invertMask(): void {
  change("invert mask", null, (layer) => layer.invert());
  announce("Mask inverted");
}

export function selectAll(): void {
  change("select all", null, (layer) => layer.values.fill(255));
  announce("Everything selected");
}

/** With a mask, what is outside stays at every step; without one the operation has no sense. */
function measure(layer: MaskLayer): void {
  const before = maskExtent.value !== null;
  maskExtent.value = layer.extent();
  const now = maskExtent.value !== null;
  if (before !== now) switchOperation("soft_mask", now);
}

function change(label: string, rect: Rect | null, make: (layer: MaskLayer) => void): void {
  const shown = mask.value;
  if (!shown) return;
  const before = shown.layer.cut(rect ?? shown.layer.whole);
  make(shown.layer);
  maskShown.value = true;
  touched(before.rect);
  keep(label, shown.layer, before);
}

function keep(label: string, layer: MaskLayer, before: Piece): void {
  const after = layer.cut(before.rect);
  measure(layer);
  const put = (piece: Piece) => {
    layer.put(piece);
    touched(piece.rect);
    measure(layer);
    maskShown.value = true;
  };
  remember({
    label,
    bytes: before.values.length + after.values.length,
    undo: () => put(before),
    redo: () => put(after),
  });
}
