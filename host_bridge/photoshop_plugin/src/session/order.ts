/** What a person asked for, and what it stands for once the document was read. */

import { choices } from "@kit/panel_form.js";
import { Snapshot, expansionSnapshot } from "@kit/edit_request.js";
import { defaultFeather, region } from "@kit/geometry.js";
import type { Expansion, Field, Mode, Picture, Rect, Values } from "../kit_types.ts";
import { inModal } from "../photoshop/modal.ts";
import { OpenDocument } from "../photoshop/open_document.ts";
import { readPicture, readSelection, sameRect, selectedBounds } from "../photoshop/pixels.ts";
import { type SampleForm, sampleForm } from "../photoshop/sample_form.ts";

/** Seeds that are drawn: short enough to read out. */
const SEEDS = 10 ** 9;

/** A layer that was chosen for a picture or a mask. */
export class LayerChoice {
  constructor(readonly id: number) {}
}

/** The selection, chosen for a mask. */
export class SelectionChoice {}

export interface Order {
  mode: Mode;
  /** Pictures and masks are choices as above, `Picture`s, or what the daemon has already. */
  values: Values;
  /** Of the mode "combine": the chosen ones; null in other modes. */
  operations: string[] | null;
  /** Of what is sent, in pixels: the model's own size. */
  shortestSide: number;
  /** Null = the canvas does not grow. */
  expansion: Expansion | null;
}

/** What was read of a document for one edit: the person may go on working meanwhile. */
export interface Capture {
  snapshot: { crop: Rect; picture: Picture; mask: Uint8Array | null; selection: Rect | null };
  choices: Record<string, unknown> & { variants: number; seed: number | string | null };
  form: SampleForm;
  canvas: Rect;
}

/**
 * Read what an order needs, in one short modal.
 *
 * Throws RangeError, Unsuitable, Busy: one sentence each; nothing was changed.
 */
export async function capture(document: OpenDocument, order: Order, documentId: string) {
  document.check();
  return inModal("Retouch: read the picture", async () => {
    const read = new Reading(document, order);
    const snapshot = await read.snapshot(documentId);
    const values = await read.values(snapshot.crop, snapshot.mask);
    const selected = snapshot.mask !== null || snapshot.selection !== null;
    const chosen = choices(order.mode, values, { operations: order.operations, selected });
    const found = { snapshot, choices: chosen, form: read.form, canvas: document.canvas };
    return finished(found as unknown as Capture, order, read.selected);
  });
}

class Reading {
  readonly form: SampleForm;
  selected: Rect | null = null;

  constructor(
    private readonly document: OpenDocument,
    private readonly order: Order,
  ) {
    this.form = sampleForm(document);
  }

  async snapshot(documentId: string): Promise<Capture["snapshot"]> {
    const { document, order, form } = this;
    const { canvas, id } = document;
    if (order.expansion) {
      const picture = await readPicture(id, order.expansion.read, form);
      return expansionSnapshot(order.expansion, picture as never, documentId) as never;
    }
    this.selected = await selectedBounds(id, canvas);
    const area: Rect = this.selected ?? this.extent() ?? canvas;
    const crop = region(area, canvas, undefined, order.shortestSide) as Rect;
    const mask = await this.mask(crop);
    const everything = mask === null && sameRect(area, canvas);
    const selection = mask || everything ? null : area;
    const picture = await readPicture(id, crop, form);
    return new Snapshot(crop, picture as never, { mask, selection, documentId } as never) as never;
  }

  async values(crop: Rect, mask: Uint8Array | null): Promise<Values> {
    const found: Values = {};
    for (const [key, value] of Object.entries(this.order.values)) {
      const field = this.order.mode.fields.find((each) => each.key === key);
      found[key] = await this.given(field, value, crop, mask);
    }
    return found;
  }

  private extent(): Rect | null {
    const found = this.document.activeExtent();
    return found && found.width > 0 && found.height > 0 ? found : null;
  }

  /** The soft selection; null where nothing or all of the canvas is selected. */
  private async mask(crop: Rect): Promise<Uint8Array | null> {
    if (!this.selected) return null;
    const found = await readSelection(this.document.id, crop);
    const everything = sameRect(crop, this.document.canvas) && found.every((each) => each === 255);
    return everything ? null : found;
  }

  /** What a choice of the form stands for. */
  private async given(
    field: Field | undefined,
    value: unknown,
    crop: Rect,
    mask: Uint8Array | null,
  ): Promise<unknown> {
    if (Array.isArray(value)) {
      return Promise.all(value.map((each) => this.given(field, each, crop, mask)));
    }
    if (value instanceof SelectionChoice) {
      if (mask) return mask;
      const fix = "select a part of the canvas";
      throw new RangeError(`${field?.label}: nothing is selected. Fix: ${fix}.`);
    }
    if (!(value instanceof LayerChoice)) return value;
    return field?.kind === "mask" ? this.brightness(value.id, crop) : this.layer(value.id);
  }

  private async layer(id: number): Promise<Picture> {
    const { document, form } = this;
    const found = document.layerBounds(id);
    return readPicture(document.id, found, form, id);
  }

  /** How bright a layer is, one byte per pixel; transparent counts as black. */
  private async brightness(id: number, crop: Rect): Promise<Uint8Array> {
    this.document.layerBounds(id);
    const eight: SampleForm = { ...this.form, bits: 8, sampleType: "UINT8" };
    const { data } = await readPicture(this.document.id, crop, eight, id);
    const luma = (at: number) =>
      54 * (data[at] ?? 0) + 183 * (data[at + 1] ?? 0) + 18 * (data[at + 2] ?? 0);
    return Uint8Array.from({ length: data.length / 4 }, (_, i) =>
      Math.floor((luma(4 * i) * (data[4 * i + 3] ?? 0)) / (255 * 255)),
    );
  }
}

/** A seed that can be read out, and a soft seam where nobody asked for another. */
function finished(found: Capture, { expansion, values }: Order, selected: Rect | null): Capture {
  const { mask, crop } = found.snapshot;
  const more: Record<string, unknown> = {};
  if (found.choices.seed === null) more.seed = Math.floor(Math.random() * SEEDS);
  const hard = mask?.every((each) => each === 0 || each === 255) ?? false;
  if (hard && !expansion && !values.feather) more.feather = defaultFeather(selected ?? crop);
  return { ...found, choices: { ...found.choices, ...more } };
}
