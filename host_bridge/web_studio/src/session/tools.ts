import { computed, signal } from "@preact/signals";
import type { Brush } from "../mask/brush.ts";
import { clamp } from "../mask/rect.ts";

export type ToolName = "hand" | "brush" | "eraser" | "rectangle" | "expand";

export const tool = signal<ToolName>("brush");
export const brush = signal<Brush>({ size: 64, hardness: 0.6, strength: 1 });
/** Whether the mask is drawn over the picture. */
export const maskShown = signal(true);
/** Growth of the mask in pixels, -1024 to 1024, and the width of its fading edge, 0 to 4096. */
export const grow = signal(0);
export const feather = signal(0);

export const paints = computed(() => tool.value === "brush" || tool.value === "eraser");

export function changeBrush(change: Partial<Brush>): void {
  const next = { ...brush.value, ...change };
  brush.value = {
    size: Math.round(clamp(next.size, 1, 2000)),
    hardness: clamp(next.hardness, 0, 1),
    strength: clamp(next.strength, 0.05, 1),
  };
}

/** A step that feels the same for small and for large brushes. */
export function resizeBrush(direction: 1 | -1): void {
  const { size } = brush.value;
  changeBrush({
    size: direction > 0 ? Math.max(size + 1, size * 1.15) : Math.min(size - 1, size / 1.15),
  });
}
