/** One widget for each kind of field; `value()` is null where nothing was chosen. */

import type { Field } from "../kit_types.ts";
import { type Widget, element } from "./elements.ts";
import { PictureField } from "./picture_field.ts";
import { Picker } from "./picker.ts";

const AUTO = "Automatic";
/** Sliders have so many places at most. */
const PLACES = 400;
const LONG = ["prompt", "prompt_to_prompt.source_prompt"];

export interface FieldWidget {
  readonly element: HTMLElement;
  value(): unknown;
  /** Show a value; null = as by default. */
  setValue(value: unknown): void;
}

/** Return the widget of a field, with its label. */
export function widgetOf(field: Field): FieldWidget {
  const { kind, several } = field;
  if (kind === "picture" || kind === "mask") return new PictureField(field);
  if (kind === "bool") return field.default === null ? yesOrNo(field) : new CheckField(field);
  if ((kind === "choice" || kind === "model") && !several) return new ChoiceField(field);
  if (kind === "number" && !several && places(field) <= PLACES) return new SliderField(field);
  return new TextField(field);
}

const places = ({ low, high, step }: Field) =>
  low === null || high === null ? Infinity : (high - low) / (step ?? 0.05);

/** Return a label above a widget. */
export function labelled(field: Field, ...widgets: HTMLElement[]): HTMLElement {
  const words = field.unit ? `${field.label} (${field.unit})` : field.label;
  const label = element("sp-label", { class: "label", title: field.help }, words);
  return element("div", { class: "field", "data-key": field.key }, label, ...widgets);
}

const named = ({ label, help }: Field) => ({ "aria-label": label, title: help });

class TextField implements FieldWidget {
  readonly element: HTMLElement;
  private readonly input: Widget;

  constructor(private readonly field: Field) {
    const isNumber = ["number", "integer"].includes(field.kind) && !field.several;
    const name = LONG.includes(field.key) ? "sp-textarea" : "sp-textfield";
    const type: Record<string, string> = isNumber ? { type: "number" } : {};
    const placeholder = field.default === null && isNumber ? AUTO : examples(field);
    this.input = element(name, { class: "wide", placeholder, ...type, ...named(field) });
    this.element = labelled(field, this.input);
    this.setValue(null);
  }

  value(): unknown {
    return String(this.input.value ?? "").trim() || null;
  }

  setValue(value: unknown): void {
    const shown = value ?? this.field.default ?? "";
    this.input.value = typeof shown === "object" ? pairs(shown as object) : String(shown);
  }
}

/** What is written of words with numbers, and of lists. */
function pairs(value: object): string {
  if (Array.isArray(value)) return value.join(", ");
  return Object.entries(value)
    .map(([word, each]) => `${word}: ${each}`)
    .join(", ");
}

const examples = ({ kind }: Field) => (kind === "words" ? "house: 1.5, red: 0.5" : "");

/** A slider, and the number beside it, which can be written, too. */
class SliderField implements FieldWidget {
  readonly element: HTMLElement;
  private readonly slider: Widget;
  private readonly input: Widget;

  constructor(private readonly field: Field) {
    const max = String(Math.round(places(field)));
    this.slider = element("sp-slider", { class: "slider", min: "0", max, ...named(field) });
    const placeholder = field.default === null ? AUTO : "";
    const names = { class: "number", type: "number", placeholder, ...named(field) };
    this.input = element("sp-textfield", names);
    this.slider.addEventListener("input", () => this.slid());
    this.input.addEventListener("input", () => this.follow());
    const row = element("div", { class: "row" }, this.slider, this.input);
    this.element = labelled(field, row);
    this.setValue(null);
  }

  value(): unknown {
    return String(this.input.value ?? "").trim() || null;
  }

  setValue(value: unknown): void {
    const shown = value ?? this.field.default;
    this.input.value = shown === null ? "" : String(shown);
    this.follow();
  }

  private slid(): void {
    const { low, step } = this.field;
    const number = (low ?? 0) + Number(this.slider.value) * (step ?? 0.05);
    this.input.value = String(Number(number.toFixed(4)));
  }

  private follow(): void {
    const { low, step } = this.field;
    const number = Number(this.value() ?? low);
    if (!Number.isNaN(number)) {
      this.slider.value = String(Math.round((number - (low ?? 0)) / (step ?? 0.05)));
    }
  }
}

class CheckField implements FieldWidget {
  readonly element: HTMLElement;
  private readonly box: Widget;

  constructor(private readonly field: Field) {
    this.box = element("sp-checkbox", named(field), field.label);
    this.element = element("div", { class: "field", "data-key": field.key }, this.box);
    this.setValue(null);
  }

  value(): unknown {
    return Boolean(this.box.checked);
  }

  setValue(value: unknown): void {
    this.box.checked = Boolean(value ?? this.field.default);
  }
}

class ChoiceField implements FieldWidget {
  readonly element: HTMLElement;
  private readonly picker: Picker<unknown>;

  constructor(
    private readonly field: Field,
    choices: [string, unknown][] = field.choices.map((each) => [each.replaceAll("_", " "), each]),
  ) {
    this.picker = new Picker({ class: "wide", ...named(field) });
    const isFree = field.default === null && !field.required;
    this.picker.offer(isFree ? [[AUTO, null], ...choices] : choices);
    this.element = labelled(field, this.picker.element);
    this.setValue(null);
  }

  value(): unknown {
    return this.picker.value ?? null;
  }

  setValue(value: unknown): void {
    this.picker.value = value ?? this.field.default;
  }
}

const yesOrNo = (field: Field) =>
  new ChoiceField(field, [
    ["Yes", true],
    ["No", false],
  ]);
