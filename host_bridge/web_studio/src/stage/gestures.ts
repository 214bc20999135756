import { dropStroke, endStroke, fillRectangle, mask, touched } from "../session/mask.ts";
import { picture } from "../session/document.ts";
import { brush, maskShown, paints, tool } from "../session/tools.ts";
import { pixelsBetween } from "../mask/rect.ts";
import { pointer, rectangleDrag, spaceHeld } from "./pointer_state.ts";
import { panBy, toPicture, zoomAt } from "./view.ts";

interface Point {
  x: number;
  y: number;
}

type Drag =
  | { kind: "pan" }
  | { kind: "paint"; erase: boolean; from: Point }
  | { kind: "rectangle"; erase: boolean; from: Point };

/** What fingers, pens and mice do on the stage. */
export class Gestures {
  readonly #fingers = new Map<number, Point>();
  #drag: Drag | null = null;

  constructor(private readonly area: HTMLElement) {}

  down(event: PointerEvent): void {
    if (!picture.value || (event.target as HTMLElement).closest("[data-overlay]")) return;
    this.area.setPointerCapture(event.pointerId);
    const at = this.#at(event);
    this.#fingers.set(event.pointerId, at);
    if (this.#fingers.size === 2) {
      if (this.#drag?.kind === "paint") dropStroke();
      rectangleDrag.value = null;
      this.#drag = { kind: "pan" };
      return;
    }
    this.#drag = this.#begin(event, at);
  }

  move(event: PointerEvent): void {
    const at = this.#at(event);
    pointer.value = event.pointerType === "touch" ? null : at;
    const before = this.#fingers.get(event.pointerId);
    if (!before) return;
    if (this.#fingers.size === 2) this.#pinch(event.pointerId, at);
    this.#fingers.set(event.pointerId, at);
    if (this.#fingers.size > 1 || !this.#drag) return;
    if (this.#drag.kind === "pan") this.#pan(before, at);
    else if (this.#drag.kind === "paint") this.#paint(event, this.#drag);
    else this.#stretch(this.#drag, at);
  }

  up(event: PointerEvent): void {
    this.#fingers.delete(event.pointerId);
    const drag = this.#drag;
    if (this.#fingers.size > 0) return;
    this.#drag = null;
    if (drag?.kind === "paint") endStroke(drag.erase);
    if (drag?.kind === "rectangle" && rectangleDrag.value)
      fillRectangle(rectangleDrag.value, drag.erase);
    rectangleDrag.value = null;
  }

  cancel(event: PointerEvent): void {
    this.#fingers.delete(event.pointerId);
    if (this.#drag?.kind === "paint") dropStroke();
    this.#drag = null;
    rectangleDrag.value = null;
  }

  leave(): void {
    pointer.value = null;
  }

  /** A wheel zooms, a trackpad's two fingers pan, its pinch zooms. */
  wheel(event: WheelEvent): void {
    const open = picture.value;
    if (!open || (event.target as HTMLElement).closest("[data-scrolls]")) return;
    event.preventDefault();
    const at = this.#at(event);
    const unit = event.deltaMode === 1 ? 33 : 1;
    const [dx, dy] = [event.deltaX * unit, event.deltaY * unit];
    const trackpad = event.deltaMode === 0 && (dx !== 0 || Math.abs(dy) < 40);
    if (event.ctrlKey || event.metaKey)
      zoomAt(Math.exp(-dy * (trackpad ? 0.01 : 0.002)), at.x, at.y, open);
    else if (event.shiftKey) panBy(-(dx || dy), 0, open);
    else if (trackpad) panBy(-dx, -dy, open);
    else zoomAt(Math.exp(-dy * 0.0016), at.x, at.y, open);
  }

  #begin(event: PointerEvent, at: Point): Drag | null {
    const hand =
      tool.value === "hand" || tool.value === "expand" || spaceHeld.value || event.button === 1;
    if (hand) return { kind: "pan" };
    if (event.button !== 0) return null;
    const from = toPicture(at.x, at.y);
    if (tool.value === "rectangle") return { kind: "rectangle", erase: event.altKey, from };
    const erase = (tool.value === "eraser") !== event.altKey;
    const layer = mask.value?.layer;
    if (!layer || !paints.value) return null;
    maskShown.value = true;
    layer.beginStroke();
    touched(layer.strokeTo(brush.value, erase, from.x, from.y, from.x, from.y));
    return { kind: "paint", erase, from };
  }

  #paint(event: PointerEvent, drag: Extract<Drag, { kind: "paint" }>): void {
    const layer = mask.value?.layer;
    if (!layer) return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) {
      const at = this.#at(each);
      const to = toPicture(at.x, at.y);
      touched(layer.strokeTo(brush.value, drag.erase, drag.from.x, drag.from.y, to.x, to.y));
      drag.from = to;
    }
  }

  #stretch(drag: Extract<Drag, { kind: "rectangle" }>, at: Point): void {
    const open = picture.value;
    if (!open) return;
    const to = toPicture(at.x, at.y);
    rectangleDrag.value = pixelsBetween(
      drag.from.x,
      drag.from.y,
      to.x,
      to.y,
      open.width,
      open.height,
    );
  }

  #pan(before: Point, at: Point): void {
    if (picture.value) panBy(at.x - before.x, at.y - before.y, picture.value);
  }

  #pinch(moved: number, at: Point): void {
    const open = picture.value;
    const still = [...this.#fingers].find(([id]) => id !== moved)?.[1];
    const before = this.#fingers.get(moved);
    if (!open || !still || !before) return;
    const old = Math.hypot(before.x - still.x, before.y - still.y);
    const now = Math.hypot(at.x - still.x, at.y - still.y);
    const middle = { x: (at.x + still.x) / 2, y: (at.y + still.y) / 2 };
    panBy((at.x - before.x) / 2, (at.y - before.y) / 2, open);
    if (old > 1) zoomAt(now / old, middle.x, middle.y, open);
  }

  #at(event: MouseEvent): Point {
    const box = this.area.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }
}
