/** A document that is open in Photoshop: what is asked of it without touching it. */

import { isEmpty, rect } from "@kit/geometry.js";
import { app, constants } from "photoshop";
import type { Document } from "photoshop/dom/Document";
import type { Layer } from "photoshop/dom/Layer";
import type { Rect } from "../kit_types.ts";

const BITS: Record<string, 8 | 16 | 32> = {
  [constants.BitsPerChannelType.EIGHT]: 8,
  [constants.BitsPerChannelType.SIXTEEN]: 16,
  [constants.BitsPerChannelType.THIRTYTWO]: 32,
};

/** The document cannot be edited; `message` is one sentence with what to do. */
export class Unsuitable extends Error {}

/** A layer to choose from. */
export interface LayerName {
  id: number;
  name: string;
}

/** Pinned by its id: whatever document is active later, this one is meant. */
export class OpenDocument {
  readonly id: number;

  constructor(private readonly native: Document) {
    this.id = native.id;
  }

  /** The active document; null = there is none. */
  static active(): OpenDocument | null {
    try {
      const found = app.activeDocument;
      return found ? new OpenDocument(found) : null;
    } catch {
      return null;
    }
  }

  /** The document of an id; null = it was closed. */
  static ofId(id: number): OpenDocument | null {
    const found = Array.from(app.documents).find((each) => each.id === id);
    return found ? new OpenDocument(found) : null;
  }

  get isActive(): boolean {
    return OpenDocument.active()?.id === this.id;
  }

  get title(): string {
    return this.native.title;
  }

  get canvas(): Rect {
    return rect(0, 0, Math.round(this.native.width), Math.round(this.native.height));
  }

  /** Bits of a channel; 0 = of a kind that cannot be edited. */
  get bits(): 8 | 16 | 32 | 0 {
    return BITS[this.native.bitsPerChannel] ?? 0;
  }

  /** Name of the colour profile; empty = the document has none. */
  get profileName(): string {
    const managed = this.native.colorProfileType !== constants.ColorProfileType.NONE;
    return managed ? (this.native.colorProfileName ?? "") : "";
  }

  /**
   * What the document is known by when the panel, or Photoshop, was closed meanwhile: its file; of
   * one without a file what there is.
   */
  get key(): string {
    const { path } = this.native;
    if (this.native.cloudDocument || /[/\\]/.test(path ?? "")) return `file:${path}`;
    const { width, height } = this.canvas;
    return `untitled:${this.id}:${this.title}:${width}x${height}`;
  }

  /** All layers with pixels of their own, the top one first; of groups what is in them, too. */
  layers(): LayerName[] {
    return listed(this.native.layers);
  }

  /** The part of the active layer that lies on the canvas; null = all of the canvas. */
  activeExtent(): Rect | null {
    const [layer, another] = Array.from(this.native.activeLayers);
    if (!layer || another || layer.isBackgroundLayer) return null;
    const { left, top, right, bottom } = layer.boundsNoEffects;
    return rect(left, top, right - left, bottom - top);
  }

  /** Where the pixels of a layer are. Throws Unsuitable: it is gone, or empty. */
  layerBounds(layerId: number): Rect {
    const layer = found(this.native.layers, layerId);
    if (!layer) throw new Unsuitable("The chosen layer is gone. Fix: choose another one.");
    const { left, top, right, bottom } = layer.boundsNoEffects;
    const area = rect(left, top, right - left, bottom - top) as Rect;
    if (!isEmpty(area)) return area;
    throw new Unsuitable(`The layer ${layer.name} is empty. Fix: choose another one.`);
  }

  /** Throws Unsuitable: it has no RGB colours, or a depth that is not known. */
  check(): void {
    if (this.native.mode !== constants.DocumentMode.RGB) {
      const fix = "choose Image > Mode > RGB Color";
      throw new Unsuitable(`${this.title} has no RGB colours. Fix: ${fix}.`);
    }
    if (!this.bits) {
      const fix = "choose Image > Mode > 8, 16 or 32 Bits/Channel";
      throw new Unsuitable(`${this.title} has a depth that cannot be edited. Fix: ${fix}.`);
    }
    if (this.native.quickMaskMode) {
      throw new Unsuitable("The quick mask is on. Fix: press Q to make a selection of it.");
    }
  }
}

function listed(layers: Iterable<Layer> | null): LayerName[] {
  return Array.from(layers ?? []).flatMap((layer) => {
    if (layer.kind === constants.LayerKind.GROUP) return listed(layer.layers);
    return [{ id: layer.id, name: layer.name }];
  });
}

function found(layers: Iterable<Layer> | null, id: number): Layer | null {
  for (const layer of layers ?? []) {
    if (layer.id === id) return layer;
    const inside = layer.kind === constants.LayerKind.GROUP ? found(layer.layers, id) : null;
    if (inside) return inside;
  }
  return null;
}
