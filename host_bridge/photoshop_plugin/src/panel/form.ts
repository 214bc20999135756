/** The form of one mode, drawn field by field from the catalogue. */

import type { Field, Mode, Values } from "../kit_types.ts";
import type { LayerName } from "../photoshop/open_document.ts";
import { type Widget, button, element, show } from "./elements.ts";
import { type FieldWidget, widgetOf } from "./fields.ts";
import { PictureField } from "./picture_field.ts";

/** Names that say more than the catalogue's; others are shown as they are. */
const TITLES: Record<string, string> = {
  sdedit: "Restyle (SDEdit)",
  instruct_pix2pix: "Instruct",
  prompt_to_prompt: "Swap a word",
  ip_adapter: "Reference picture",
  t2i_adapter: "Control picture",
  soft_mask: "Soft selection",
  best_of: "Best of several",
};

interface Row {
  field: Field;
  widget: FieldWidget;
}

export class Form {
  /** What is always shown. */
  readonly element = element("div", { class: "form column" });
  /** A button that shows the rest, and the rest. */
  readonly further = element("div", { class: "further column" });
  private readonly rest = element("div", { class: "rest column" });
  private readonly rows: Row[] = [];
  private readonly boxes = new Map<string, Widget>();
  private readonly headings: [string, HTMLElement][] = [];

  constructor(readonly mode: Mode) {
    if (mode.name === "combine") this.element.appendChild(this.operationBoxes());
    for (const field of mode.fields) this.add(field, field.simple ? this.element : this.rest);
    const kind = "sp-action-button";
    const names = { class: "more", quiet: true, "aria-expanded": "false" };
    const more = button("More options", names, () => this.unfold(more), kind);
    show(this.rest, false);
    this.further.appendChild(more);
    this.further.appendChild(this.rest);
    this.showChosen();
  }

  /** What was chosen, by field key; what is as by default is left out. */
  values(): Values {
    const given = this.rows.map(({ field, widget }) => [field, widget.value()] as const);
    const chosen = given.filter(([field, value]) => {
      if (value === null) return false;
      return field.key.startsWith("expand.") || String(value) !== String(field.default);
    });
    return Object.fromEntries(chosen.map(([field, value]) => [field.key, value]));
  }

  /** The chosen operations of the mode "combine"; null in other modes. */
  operations(): string[] | null {
    if (this.mode.name !== "combine") return null;
    return this.mode.operations.filter((name) => this.boxes.get(name)?.checked);
  }

  /** Show values; what is not among them is as by default. */
  fill(values: Values, operations: string[] = []): void {
    for (const { field, widget } of this.rows) widget.setValue(values[field.key] ?? null);
    for (const [name, box] of this.boxes) box.checked = operations.includes(name);
    this.showChosen();
  }

  /** Show one value, where the mode has such a field. */
  setValue(key: string, value: unknown): void {
    this.rows.find((each) => each.field.key === key)?.widget.setValue(value);
  }

  /** Offer the layers of the document that is active now. */
  offer(layers: LayerName[]): void {
    for (const { widget } of this.rows) if (widget instanceof PictureField) widget.offer(layers);
  }

  private unfold(more: Widget): void {
    const isShown = this.rest.classList.contains("hidden");
    show(this.rest, isShown);
    more.textContent = isShown ? "Fewer options" : "More options";
    more.setAttribute("aria-expanded", String(isShown));
  }

  private add(field: Field, into: HTMLElement): void {
    const { operation } = field;
    const before = this.rows[this.rows.length - 1]?.field.operation;
    const isNew = operation !== before || into.children.length === 0;
    if (operation && isNew && (into === this.rest || this.mode.name === "combine")) {
      const heading = element("sp-detail", { class: "heading" }, titleOf(operation));
      this.headings.push([operation, heading]);
      into.appendChild(heading);
    }
    const widget = widgetOf(field);
    this.rows.push({ field, widget });
    into.appendChild(widget.element);
  }

  private operationBoxes(): HTMLElement {
    const found = element("div", { class: "boxes" });
    for (const name of this.mode.operations) {
      const box = element("sp-checkbox", { "data-operation": name }, titleOf(name));
      box.addEventListener("change", () => this.showChosen());
      this.boxes.set(name, box);
      found.appendChild(box);
    }
    return found;
  }

  /** In "combine", fields of what is not chosen would only be in the way. */
  private showChosen(): void {
    if (this.mode.name !== "combine") return;
    const chosen = this.operations() ?? [];
    const isShown = (operation: string) => !operation || chosen.includes(operation);
    for (const { field, widget } of this.rows) show(widget.element, isShown(field.operation));
    for (const [name, heading] of this.headings) show(heading, isShown(name));
  }
}

function titleOf(operation: string): string {
  const words = operation.replaceAll("_", " ");
  return TITLES[operation] ?? words.charAt(0).toUpperCase() + words.slice(1);
}
