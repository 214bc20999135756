/** Pictures and masks: layers of the document, the selection, or files. */

import { Picture } from "@kit/pictures.js";
import { storage } from "uxp";
import type { Field } from "../kit_types.ts";
import type { LayerName } from "../photoshop/open_document.ts";
import { LayerChoice, SelectionChoice } from "../session/order.ts";
import { type Widget, button, element, emptied, show } from "./elements.ts";
import { type FieldWidget, labelled } from "./fields.ts";
import { type Option, Picker } from "./picker.ts";

const FILES = ["png", "jpg", "jpeg", "webp", "tif", "tiff"];
/** Of the picker: nothing yet, or a file that is to be chosen. */
const [NONE, FILE] = ["none", "file"] as const;

interface Chosen {
  words: string;
  value: unknown;
}

export class PictureField implements FieldWidget {
  readonly element: HTMLElement;
  private chosen: Chosen[] = [];
  private readonly picker: Picker<unknown>;
  private readonly list = element("div", { class: "chosen" });

  constructor(private readonly field: Field) {
    const names = { class: "wide", "aria-label": field.label, title: field.help };
    this.picker = new Picker<unknown>(names, (value) => void this.take(value));
    this.offer([]);
    this.element = labelled(field, this.list, this.picker.element);
  }

  /** Offer the layers of the document that is active now. */
  offer(layers: LayerName[]): void {
    const isMask = this.field.kind === "mask";
    const first = isMask ? "Everywhere" : "Choose a picture …";
    const options: Option<unknown>[] = [[this.chosen.length ? "Choose another …" : first, NONE]];
    if (isMask) options.push(["The selection", new SelectionChoice()]);
    for (const { id, name } of layers) options.push([`Layer: ${name}`, new LayerChoice(id)]);
    if (!isMask) options.push(["File …", FILE]);
    this.picker.offer(options);
    this.picker.value = NONE;
  }

  value(): unknown {
    const values = this.chosen.map((each) => each.value);
    if (!values.length) return null;
    return this.field.several ? values : values[0];
  }

  setValue(value: unknown): void {
    const several = Array.isArray(value) ? value : value ? [value] : [];
    this.chosen = several.map((each) => ({ words: "Picture of the earlier edit", value: each }));
    this.draw();
  }

  private async take(value: unknown): Promise<void> {
    if (value === NONE) return;
    const found = value === FILE ? await pickedFile() : { words: this.picker.words, value };
    if (found) {
      this.chosen = this.field.several ? [...this.chosen, found] : [found];
      this.draw();
    }
    this.picker.value = NONE;
  }

  private draw(): void {
    emptied(this.list);
    show(this.list, this.chosen.length > 0);
    for (const each of this.chosen) this.list.appendChild(this.line(each));
  }

  private line(chosen: Chosen): Widget {
    const label = `Remove ${chosen.words}`;
    const names = { quiet: true, "aria-label": label, title: label };
    const remove = () => {
      this.chosen = this.chosen.filter((each) => each !== chosen);
      this.draw();
    };
    const words = element("span", { class: "grow" }, chosen.words);
    const cross = button("✕", names, remove, "sp-action-button");
    return element("div", { class: "row line" }, words, cross);
  }
}

async function pickedFile(): Promise<Chosen | null> {
  const found = await storage.localFileSystem.getFileForOpening({ types: FILES });
  const file = Array.isArray(found) ? found[0] : found;
  if (!file) return null;
  const bytes = new Uint8Array(await file.read({ format: storage.formats.binary }));
  return { words: file.name, value: new Picture(bytes) };
}
