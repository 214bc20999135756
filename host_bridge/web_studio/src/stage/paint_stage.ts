import type { MaskPicture } from "../mask/mask_picture.ts";
import type { ShownPreview } from "../session/progress.ts";
import type { View } from "./view.ts";

/** Everything that is drawn on the stage. */
export interface Scene {
  readonly view: View;
  readonly original: ImageBitmap;
  /** The chosen variant; null = the original. */
  readonly variant: ImageBitmap | null;
  /** Where before ends and after begins, 0 to 1; null = only the variant. */
  readonly divider: number | null;
  readonly preview: ShownPreview | null;
  readonly overlay: MaskPicture | null;
}

const SQUARE = 8;
const OVERLAY = 0.55;

export function paintStage(canvas: HTMLCanvasElement, scene: Scene, ratio: number): void {
  const pen = canvas.getContext("2d");
  if (!pen) return;
  const { scale, x, y } = scene.view;
  const { width, height } = scene.original;
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.save();
  pen.beginPath();
  pen.rect(x, y, width * scale, height * scale);
  pen.clip();
  drawSquares(pen, x, y, width * scale, height * scale);
  pen.imageSmoothingEnabled = scale * ratio < 3;
  pen.imageSmoothingQuality = "high";
  drawPicture(pen, scene);
  if (scene.preview) drawPreview(pen, scene.view, scene.preview);
  if (scene.overlay) {
    pen.globalAlpha = OVERLAY;
    pen.drawImage(scene.overlay.canvas, x, y, width * scale, height * scale);
  }
  pen.restore();
}

function drawPicture(
  pen: CanvasRenderingContext2D,
  { view, original, variant, divider }: Scene,
): void {
  const width = original.width * view.scale;
  const height = original.height * view.scale;
  if (!variant || divider !== null) pen.drawImage(original, view.x, view.y, width, height);
  if (!variant) return;
  pen.save();
  if (divider !== null) {
    pen.beginPath();
    pen.rect(view.x + width * divider, view.y, width, height);
    pen.clip();
  }
  pen.drawImage(variant, view.x, view.y, width, height);
  pen.restore();
}

/** A preview is a small picture of its place, transparent where nothing will change. */
function drawPreview(
  pen: CanvasRenderingContext2D,
  view: View,
  { shown, bounds }: ShownPreview,
): void {
  const [x, y] = [view.x + bounds.x * view.scale, view.y + bounds.y * view.scale];
  pen.drawImage(shown, x, y, bounds.width * view.scale, bounds.height * view.scale);
}

/** What shows through where a picture is transparent. */
function drawSquares(
  pen: CanvasRenderingContext2D,
  x: number,
  y: number,
  width: number,
  height: number,
): void {
  const tile = new OffscreenCanvas(2 * SQUARE, 2 * SQUARE);
  const ink = tile.getContext("2d");
  if (!ink) return;
  ink.fillStyle = "#ffffff";
  ink.fillRect(0, 0, 2 * SQUARE, 2 * SQUARE);
  ink.fillStyle = "#e2e2e2";
  ink.fillRect(0, 0, SQUARE, SQUARE);
  ink.fillRect(SQUARE, SQUARE, SQUARE, SQUARE);
  const pattern = pen.createPattern(tile, "repeat");
  if (!pattern) return;
  pattern.setTransform(new DOMMatrix().translate(x, y));
  pen.fillStyle = pattern;
  pen.fillRect(x, y, width, height);
}
