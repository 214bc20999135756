/** Writing a result: a new layer with a soft mask, in one entry of the history. In a modal. */

import { shifted } from "@kit/geometry.js";
import { opaque } from "@kit/pixel_rows.js";
import { action, app, constants, imaging } from "photoshop";
import type { ExecutionContext } from "photoshop/dom/CoreModules";
import type { Document } from "photoshop/dom/Document";
import type { Layer } from "photoshop/dom/Layer";
import type { EditResult, Expansion, Rect } from "../kit_types.ts";
import { checkGoingOn } from "./modal.ts";
import { OpenDocument, Unsuitable } from "./open_document.ts";
import { type SampleForm, type SampleType, sampleForm, samplesOf } from "./sample_form.ts";

export interface NewLayer {
  name: string;
  result: EditResult;
  /** Of the samples, as they were read. */
  form: SampleForm;
  /** The canvas as it was read. */
  canvas: Rect;
  /** How the canvas grows; null = not at all. */
  expansion: Expansion | null;
}

/**
 * Put a result on top of everything as a new layer. Nothing else of the document changes, and one
 * undo takes all of it out again. What is active stays active.
 *
 * Throws Unsuitable: it was closed or changed too much meanwhile; Interrupted; nothing is left
 * half-done then.
 */
export async function insertLayer(
  context: ExecutionContext,
  documentId: number,
  layer: NewLayer,
): Promise<void> {
  const native = suitable(documentId, layer);
  const { hostControl } = context;
  const history = await hostControl.suspendHistory({ documentID: documentId, name: layer.name });
  let isWhole = false;
  try {
    await insert(context, native, layer);
    checkGoingOn(context);
    isWhole = true;
  } finally {
    await hostControl.resumeHistory(history, isWhole);
  }
}

async function insert(context: ExecutionContext, native: Document, layer: NewLayer) {
  const { result, expansion, name } = layer;
  const active = Array.from(native.activeLayers, (each) => each.id);
  if (expansion) await grow(native, expansion);
  const [left = 0, top = 0] = expansion?.offset ?? [];
  const bounds = shifted(result.bounds, left, top);
  const made = await native.createLayer(constants.LayerKind.NORMAL, { name });
  if (!made) throw new Unsuitable("Photoshop made no layer. Fix: try again.");
  toTop(native, made);
  await putPixels(native.id, made.id, bounds, layer);
  checkGoingOn(context);
  await putMask(native.id, made.id, bounds, result.mask);
  await activate(active);
}

/** The document, where the layer still fits into it. */
function suitable(documentId: number, { form, canvas, expansion }: NewLayer): Document {
  const open = OpenDocument.ofId(documentId);
  if (!open) throw new Unsuitable("The document was closed. Fix: open it again.");
  open.check();
  const now = sampleForm(open);
  if (now.bits !== form.bits || now.written !== form.written) {
    const words = `Depth or profile of ${open.title} changed meanwhile`;
    throw new Unsuitable(`${words}. Fix: undo that, place the result, and redo it.`);
  }
  const { width, height } = open.canvas;
  if (width !== canvas.width || height !== canvas.height) {
    const words =
      `The size of ${open.title} changed ${expansion ? "" : "since it was read"}`.trim();
    throw new Unsuitable(`${words}. Fix: undo that, place the result, and redo it.`);
  }
  const native = Array.from(app.documents).find((each) => each.id === documentId);
  if (!native || !open.isActive) {
    throw new Unsuitable(`${open.title} is not in front. Fix: switch to it.`);
  }
  return native;
}

/** Two sides at a time: an anchor names a corner that stays. */
async function grow(native: Document, { canvas, offset }: Expansion) {
  const { AnchorPosition } = constants;
  const [left = 0, top = 0] = offset;
  const [width, height] = [Math.round(native.width) + left, Math.round(native.height) + top];
  if (left || top) await native.resizeCanvas(width, height, AnchorPosition.BOTTOMRIGHT);
  if (canvas.width !== width || canvas.height !== height) {
    await native.resizeCanvas(canvas.width, canvas.height, AnchorPosition.TOPLEFT);
  }
}

/** The edit was made of what is seen, so it belongs above everything. */
function toTop(native: Document, made: Layer): void {
  const first = Array.from(native.layers)[0];
  if (first && first.id !== made.id) made.move(first, constants.ElementPlacement.PLACEBEFORE);
  if (made.isClippingMask) made.isClippingMask = false;
}

async function putPixels(documentID: number, layerID: number, bounds: Rect, layer: NewLayer) {
  const { picture } = layer.result;
  const type = picture.sampleType as SampleType;
  const { written } = layer.form;
  const imageData = await imaging.createImageDataFromBuffer(
    samplesOf(opaque(picture.data, type), type),
    {
      width: bounds.width,
      height: bounds.height,
      components: 4,
      chunky: true,
      colorSpace: "RGB",
      fullRange: true,
      ...(written === undefined ? {} : { colorProfile: written }),
    },
  );
  try {
    const targetBounds = { left: bounds.x, top: bounds.y };
    await imaging.putPixels({ documentID, layerID, imageData, targetBounds } as never);
  } finally {
    imageData.dispose();
  }
}

async function putMask(documentID: number, layerID: number, bounds: Rect, mask: Uint8Array) {
  await action.batchPlay([select(layerID), makeMask()], {});
  const imageData = await imaging.createImageDataFromBuffer(mask, {
    width: bounds.width,
    height: bounds.height,
    components: 1,
    chunky: true,
    colorSpace: "Grayscale",
    colorProfile: "Gray Gamma 2.2",
  });
  try {
    const targetBounds = { left: bounds.x, top: bounds.y };
    await imaging.putLayerMask({
      ...{ documentID, layerID, kind: "user", imageData, targetBounds },
    } as never);
  } finally {
    imageData.dispose();
  }
}

/** A mask of the active layer that hides everything, whatever is selected. */
function makeMask() {
  const mask = { _ref: "channel", _enum: "channel", _value: "mask" };
  const using = { _enum: "userMaskEnabled", _value: "hideAll" };
  return { _obj: "make", new: { _class: "channel" }, at: mask, using };
}

/** Make the layers active that were; the new one is, otherwise, with its mask to be painted on. */
async function activate(layerIds: number[]) {
  const [first, ...more] = layerIds;
  if (first === undefined) return;
  await action.batchPlay([select(first), ...more.map((id) => select(id, true))], {});
}

function select(layerId: number, beside = false) {
  const how = { _enum: "selectionModifierType", _value: "addToSelection" };
  return {
    _obj: "select",
    _target: [{ _ref: "layer", _id: layerId }],
    makeVisible: false,
    ...(beside ? { selectionModifier: how } : {}),
  };
}
