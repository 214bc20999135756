/** Choosing one of several: Spectrum's picker, whose menu is written anew for other choices. */

import { type Widget, element, emptied } from "./elements.ts";

/** What can be chosen: shown words, and what they stand for. */
export type Option<T> = [words: string, value: T];

export class Picker<T> {
  readonly element: Widget;
  private options: Option<T>[] = [];
  private readonly menu = element("sp-menu", { slot: "options" });

  constructor(
    attributes: Record<string, string>,
    private readonly chosen: (value: T) => void = () => {},
  ) {
    this.element = element("sp-picker", { size: "s", ...attributes }, this.menu);
    this.element.addEventListener("change", () => {
      const option = this.options[this.element.selectedIndex];
      if (option) this.chosen(option[1]);
    });
  }

  /** Offer other choices; the chosen one stays where it is still there, else the first is. */
  offer(options: Option<T>[]): void {
    const before = this.value;
    const same = options.length === this.options.length;
    const isDrawn = same && options.every(([words], i) => words === this.options[i]?.[0]);
    this.options = options;
    if (isDrawn) return; // it may be open just now
    emptied(this.menu);
    for (const [words] of options) this.menu.appendChild(element("sp-menu-item", {}, words));
    this.value = before;
  }

  /** What is shown of the chosen one. */
  get words(): string {
    return this.options[this.element.selectedIndex]?.[0] ?? "";
  }

  get value(): T | undefined {
    return this.options[this.element.selectedIndex]?.[1];
  }

  set value(wanted: T | undefined) {
    const found = this.options.findIndex(([, value]) => value === wanted);
    const index = Math.max(0, found);
    Array.from(this.menu.children).forEach((each, i) => {
      if (i === index) each.setAttribute("selected", "");
      else each.removeAttribute("selected");
    });
    this.element.selectedIndex = index;
  }
}
