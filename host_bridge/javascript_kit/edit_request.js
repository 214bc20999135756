/**
 * From what a host holds and what a person chose to an edit that the daemon takes. Operations
 * travel by their names in the catalogue, so a new operation needs no new panel.
 */

import { choicesWith } from "./choices.js";
import { isEmpty, rect, relative } from "./geometry.js";
import { Picture, isReference, reference } from "./pictures.js";
import { expansionMask, extended, rectangleMask } from "./pixel_rows.js";

export { choicesOf, choicesWith, ofRecipe, toRecipe } from "./choices.js";
export { Picture, pictureOf } from "./pictures.js";

const CUSTOM = "type.googleapis.com/retouch.v1.CustomOperation";
/** Operations that are about the mask: without a selection they act on everything. */
const ABOUT_MASK = ["soft_mask"];

/** What was read of a document for one edit, all at once: the host may change it afterwards. */
export class Snapshot {
  /**
   * @param {object} crop the part of the document that was read (`geometry.region`).
   * @param {Picture} picture the pixels of the crop; its size is the crop's.
   * @param {object} more `mask`: soft selection of the crop, one byte per pixel, 255 = edit fully;
   *   `selection`: a rectangle of the document, where there is no mask; `documentId`.
   *
   * Throws RangeError: a picture or a mask of another size than the crop's.
   */
  constructor(crop, picture, { mask = null, selection = null, documentId = "" } = {}) {
    Object.assign(this, { crop, picture, mask, selection, documentId });
    if (isEmpty(crop)) {
      throw new RangeError("There is nothing to edit. Fix: select a part of the canvas.");
    }
    const same = picture.width === crop.width && picture.height === crop.height;
    if (!picture.isFile && !same) {
      const sizes = `${picture.width}x${picture.height}, the crop ${crop.width}x${crop.height}`;
      throw new RangeError(`the picture is ${sizes}. Fix: read the crop's rectangle.`);
    }
    checkMask("mask", mask, crop);
    Object.freeze(this);
  }
}

/**
 * Return the snapshot for expanding a canvas: outside the old canvas the picture is mirrored, and
 * what is new is to be filled. Set the choices' `feather` to the plan's overlap for a soft seam.
 *
 * @param {object} plan of `geometry.expansion`.
 * @param {Picture} picture pixels of `plan.read`, packed rows.
 */
export function expansionSnapshot(plan, picture, documentId = "") {
  const { read, crop } = plan;
  const same = picture.width === read.width && picture.height === read.height;
  if (picture.isFile || picture.rowStride || !same) {
    const words = `packed rows of ${read.width}x${read.height} are needed`;
    throw new RangeError(`${words}. Fix: read the rectangle of the plan.`);
  }
  const size = [read.width, read.height];
  const data = extended(picture.data, size, relative(crop, read), picture.pixelBytes);
  const whole = new Picture(data, { ...picture, width: crop.width, height: crop.height });
  const mask = expansionMask([crop.width, crop.height], relative(plan.kept, crop));
  return new Snapshot(crop, whole, { mask, documentId });
}

/**
 * Return the request for an edit (`retouch.v1.EditRequest` in JSON form).
 *
 * Results are raw rows of the snapshot's own channel order (RGBA or BGRA), sample type (of half
 * floats: FLOAT32) and profile.
 *
 * @param {(data: Uint8Array) => Promise<string>} keep uploads bytes and returns their SHA-256.
 */
export async function prepare(snapshot, given, keep) {
  const chosen = choicesWith(given);
  const { crop, picture } = snapshot;
  const request = {
    clientJobId: freshName(),
    group: chosen.group,
    documentId: snapshot.documentId.slice(0, 128),
    priority: `PRIORITY_CLASS_${chosen.priority.toUpperCase()}`,
    canvas: { source: await reference(picture, keep), context: { wholeCanvas: true } },
    prompt: { text: chosen.prompt, negative: chosen.negative },
    model: chosen.model,
    sampling: samplingOf(chosen),
    operations: [],
    output: {
      count: chosen.variants,
      delivery: "DELIVERY_PATCH",
      mediaType: "application/octet-stream",
      channelOrder: `CHANNEL_ORDER_${picture.channelOrder === "BGRA" ? "BGRA" : "RGBA"}`,
      preview: { everySteps: chosen.previewEvery, maxSidePx: chosen.previewSide },
    },
  };
  for (const each of chosen.operations) {
    request.operations.push(await operationOf(each, crop, keep));
  }
  if (chosen.workingSize) request.canvas.workingSize = workingSizeOf(chosen.workingSize);
  const mask = maskOf(snapshot, chosen);
  if (mask) {
    const message = await maskMessage(mask, crop, keep);
    request.mask = { ...message, growPx: chosen.grow, featherPx: chosen.feather };
  }
  return request;
}

/** The soft selection; a rectangle's where there is only that, as a mask can be feathered. */
function maskOf({ crop, mask, selection }, chosen) {
  const size = [crop.width, crop.height];
  if (mask) return mask;
  if (selection) return rectangleMask(size, relative(selection, crop));
  const about = chosen.operations.some((each) => ABOUT_MASK.includes(each.name));
  return about ? rectangleMask(size, rect(0, 0, ...size)) : null;
}

async function maskMessage(mask, crop, keep) {
  const form = { width: crop.width, height: crop.height, channelOrder: "GRAY" };
  const image = await reference(new Picture(mask, form), keep);
  return { image, polarity: "MASK_POLARITY_EDIT_WHITE" };
}

function samplingOf({ sampler, steps, seed }) {
  const found = { sampler };
  if (steps !== null) found.steps = steps;
  if (seed === null) found.seedMode = "SEED_MODE_RANDOM";
  else found.seeds = [String(seed)];
  return found;
}

function workingSizeOf(size) {
  if (Array.isArray(size)) return { size: { width: size[0], height: size[1] } };
  return { longSidePx: size };
}

async function operationOf({ name, parameters = {} }, crop, keep) {
  const custom = { "@type": CUSTOM, name };
  const message = { custom };
  for (const [key, value] of Object.entries(parameters)) {
    if (value === null || value === undefined) continue;
    const several = Array.isArray(value) ? value : [value];
    if (key === "mask") message.region = await regionOf(name, value, crop, keep);
    else if (key === "start" || key === "stop") message[key] = value;
    else if (value instanceof Uint8Array) {
      (custom.masks ??= {})[key] = await checkedMask(`${name}.${key}`, value, crop, keep);
    } else if (several.length && several.every((e) => e instanceof Picture || isReference(e))) {
      const images = [];
      for (const each of several) {
        images.push(each instanceof Picture ? await reference(each, keep) : each);
      }
      (custom.images ??= {})[key] = { images };
    } else if (value.polarity) (custom.masks ??= {})[key] = value;
    else (custom.parameters ??= {})[key] = value;
  }
  return message;
}

/** Where an operation acts: a mask of the crop, a rectangle of the document, or as a result. */
async function regionOf(name, value, crop, keep) {
  if (value instanceof Uint8Array) {
    return { mask: await checkedMask(`${name}.mask`, value, crop, keep) };
  }
  return "width" in value ? { rect: relative(value, crop) } : value;
}

async function checkedMask(name, mask, crop, keep) {
  checkMask(name, mask, crop);
  return maskMessage(mask, crop, keep);
}

function checkMask(name, mask, crop) {
  if (mask && mask.length !== crop.width * crop.height) {
    const words = `${name} has ${mask.length} bytes, the crop ${crop.width}x${crop.height} pixels`;
    throw new RangeError(`${words}. Fix: give one byte per pixel of the crop.`);
  }
}

/** A name that nobody else has. UXP's crypto has getRandomValues. */
function freshName() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
