import { signal } from "@preact/signals";
import type { Rect } from "../mask/rect.ts";

/** Where a mouse or pen is on the stage, in CSS pixels; null = not there. */
export const pointer = signal<{ x: number; y: number } | null>(null);
/** The rectangle that is being drawn, in picture pixels. */
export const rectangleDrag = signal<Rect | null>(null);
export const spaceHeld = signal(false);
