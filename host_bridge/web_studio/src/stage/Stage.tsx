import { effect } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { picture } from "../session/document.ts";
import { previews, run } from "../session/edit_run.ts";
import { mask, maskExtent, maskVersion } from "../session/mask.ts";
import { chosen, comparing, peeking, variant } from "../session/results.ts";
import { maskShown, paints, tool } from "../session/tools.ts";
import { BrushCursor } from "./BrushCursor.tsx";
import { CompareLine } from "./CompareLine.tsx";
import { ExpandFrame } from "./ExpandFrame.tsx";
import { Gestures } from "./gestures.ts";
import { paintStage, type Scene } from "./paint_stage.ts";
import { rectangleDrag, spaceHeld } from "./pointer_state.ts";
import { fit, fitted, stage, view } from "./view.ts";

/** The picture, its mask and what is drawn over them. */
export function Stage() {
  const area = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const open = picture.value;

  useEffect(
    () => (area.current && canvas.current ? watchSize(area.current, canvas.current) : undefined),
    [],
  );
  useEffect(() => (canvas.current ? repaint(canvas.current) : undefined), []);
  useEffect(() => {
    if (open) fit(open);
  }, [open?.documentId, open?.width, open?.height]);

  const gestures = useMemo(() => ({ current: null as Gestures | null }), []);
  useEffect(() => {
    const element = area.current;
    if (!element) return undefined;
    const own = new Gestures(element);
    gestures.current = own;
    const wheel = (event: WheelEvent) => own.wheel(event);
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, []);

  const pans = spaceHeld.value || tool.value === "hand";
  return (
    <div
      ref={area}
      class="stage"
      data-cursor={
        !open
          ? "none"
          : pans
            ? "pan"
            : paints.value
              ? "brush"
              : tool.value === "rectangle"
                ? "cross"
                : "plain"
      }
      onPointerDown={(event) => gestures.current?.down(event)}
      onPointerMove={(event) => gestures.current?.move(event)}
      onPointerUp={(event) => gestures.current?.up(event)}
      onPointerCancel={(event) => gestures.current?.cancel(event)}
      onPointerLeave={() => gestures.current?.leave()}
    >
      <canvas
        ref={canvas}
        id="picture"
        class="picture"
        data-view={
          open
            ? [view.value.scale, view.value.x, view.value.y, open.width, open.height].join(" ")
            : undefined
        }
        tabIndex={open ? 0 : -1}
        role="img"
        aria-label={described()}
      />
      {open && <RectangleOutline />}
      {open && tool.value === "expand" && <ExpandFrame picture={open} />}
      {open && comparing.value !== null && variant.value && <CompareLine picture={open} />}
      {open && <BrushCursor />}
    </div>
  );
}

function described(): string {
  const open = picture.value;
  if (!open) return "No picture is open";
  const what = variant.value ? `Variant ${chosen.value + 1}` : "Original";
  const extent = maskExtent.value;
  const where = extent
    ? `Mask ${extent.width} by ${extent.height} pixels at ${extent.x}, ${extent.y}`
    : "No mask: the whole picture may change";
  return `${open.name}, ${open.width} by ${open.height} pixels. ${what}. ${where}.`;
}

function watchSize(area: HTMLElement, canvas: HTMLCanvasElement): () => void {
  const observer = new ResizeObserver(() => {
    const { width, height } = area.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(width * ratio));
    canvas.height = Math.max(1, Math.round(height * ratio));
    stage.value = { width, height };
    const open = picture.peek();
    if (open && fitted()) fit(open);
  });
  observer.observe(area);
  return () => observer.disconnect();
}

/** Paints once a frame, and only when something has changed. */
function repaint(canvas: HTMLCanvasElement): () => void {
  let asked = 0;
  const stop = effect(() => {
    void [view.value, stage.value, maskVersion.value];
    const scene = currentScene();
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(() => {
      const ratio = canvas.width / Math.max(1, stage.peek().width);
      if (scene) paintStage(canvas, { ...scene, view: view.peek() }, ratio);
      else canvas.getContext("2d")?.clearRect(0, 0, canvas.width, canvas.height);
    });
  });
  return () => {
    stop();
    cancelAnimationFrame(asked);
  };
}

function currentScene(): Scene | null {
  const open = picture.value;
  if (!open) return null;
  const shownMask = mask.value?.picture ?? null;
  const result = peeking.value ? null : (variant.value?.shown ?? null);
  const preview = run.value ? (previews.value.get(chosen.value) ?? newestPreview()) : null;
  return {
    view: view.value,
    original: open.shown,
    variant: result,
    divider: result ? comparing.value : null,
    preview: peeking.value || result ? null : preview,
    overlay: maskShown.value && maskExtent.value && comparing.value === null ? shownMask : null,
  };
}

/** Where the chosen variant has none yet, the one that came last. */
function newestPreview() {
  return [...previews.value.values()].at(-1) ?? null;
}

function RectangleOutline() {
  const rect = rectangleDrag.value;
  if (!rect) return null;
  const { scale, x, y } = view.value;
  const style = {
    left: `${x + rect.x * scale}px`,
    top: `${y + rect.y * scale}px`,
    width: `${rect.width * scale}px`,
    height: `${rect.height * scale}px`,
  };
  return (
    <div class="outline" style={style}>
      <span class="number">
        {rect.width} × {rect.height}
      </span>
    </div>
  );
}
