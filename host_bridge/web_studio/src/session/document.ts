import { batch, signal } from "@preact/signals";
import type { MaskLayer } from "../mask/mask_layer.ts";
import { catalog } from "./catalog.ts";
import { mask, newMask, showMask } from "./mask.ts";
import { announce, inform } from "./notices.ts";
import { clearResults } from "./results.ts";
import { changeBrush } from "./tools.ts";
import { forgetChanges, remember } from "./undo.ts";

/** The open picture. */
export interface Picture {
  /** The daemon's name for the open document. */
  readonly documentId: string;
  readonly name: string;
  /** The file as it is sent: the person's own bytes, so that depth and colours stay. */
  readonly file: Blob;
  /** What the browser shows of it. */
  readonly shown: ImageBitmap;
  readonly width: number;
  readonly height: number;
  /** SHA-256 of the file where the daemon is known to have it. */
  readonly sha256?: string;
}

export const picture = signal<Picture | null>(null);
export const opening = signal(false);

/** Files that the daemon reads as they are. */
const READ_BY_DAEMON = new Set(["image/png", "image/jpeg", "image/webp"]);
const SIDE_OF_A_CANVAS = 16384;
/** The brush's size to begin with, as a share of the picture's shorter side. */
const BRUSH_SHARE = 0.14;

/** Opens a picture file; what was open before is let go. Throws one sentence. */
export async function openPicture(file: Blob, name: string): Promise<void> {
  opening.value = true;
  try {
    const next = await readPicture(file, name);
    batch(() => {
      picture.value = next;
      changeBrush({ size: Math.min(next.width, next.height) * BRUSH_SHARE });
      newMask(next.shown);
      clearResults();
      forgetChanges();
    });
    announce(`Opened ${name}, ${next.width} by ${next.height} pixels`);
  } finally {
    opening.value = false;
  }
}

/** Goes on with another state of the document: a kept variant, or an expanded canvas. */
export function replacePicture(label: string, next: Picture, layer?: MaskLayer): void {
  const before = { picture: picture.value, layer: mask.value?.layer };
  const after = { picture: next, layer: layer ?? mask.value?.layer };
  const show = (state: { picture: Picture | null; layer: MaskLayer | undefined }) =>
    batch(() => {
      picture.value = state.picture;
      if (state.layer && state.picture && state.layer !== mask.value?.layer)
        showMask(state.layer, state.picture.shown);
      clearResults();
    });
  show(after);
  const bytes = next.width * next.height * 4;
  remember({ label, bytes, undo: () => show(before), redo: () => show(after) });
}

async function readPicture(file: Blob, name: string): Promise<Picture> {
  const most = catalog.value?.limits;
  if (most?.imageBytes && file.size > Number(most.imageBytes)) {
    throw new Error(`${name} is larger than the daemon takes; export it smaller`);
  }
  const shown = await decoded(file, name);
  const { width, height } = shown;
  const pixels = Number(most?.imagePixels ?? Number.POSITIVE_INFINITY);
  if (width * height > pixels || Math.max(width, height) > SIDE_OF_A_CANVAS) {
    shown.close();
    const limit = Math.round(Math.min(pixels, SIDE_OF_A_CANVAS ** 2) / 1e6);
    throw new Error(
      `${name} has ${width} x ${height} pixels and at most ${limit} million go; scale it down`,
    );
  }
  const common = { documentId: crypto.randomUUID(), name, shown, width, height };
  if (READ_BY_DAEMON.has(file.type)) return { ...common, file };
  inform(
    `${name} was converted to an 8-bit PNG, as the daemon does not read ${file.type || "its format"}.`,
  );
  return { ...common, file: await pngOf(shown) };
}

async function decoded(file: Blob, name: string): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file);
  } catch {
    throw new Error(
      `${name} is not a picture that this browser can show; open a PNG, JPEG or WebP file`,
    );
  }
}

/** Pixels as a PNG file. */
export async function pngOf(
  source: CanvasImageSource & { width: number; height: number },
): Promise<Blob> {
  const canvas = new OffscreenCanvas(source.width, source.height);
  canvas.getContext("2d")?.drawImage(source, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}
