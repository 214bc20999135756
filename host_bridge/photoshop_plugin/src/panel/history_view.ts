/** The edits of the document, to fill in again or to run again. */

import { type HistoryEntry, wordsOf } from "../session/history.ts";
import { button, element, emptied, show } from "./elements.ts";

export class HistoryView {
  readonly element: HTMLElement;
  private readonly list = element("div", { class: "entries column" });
  private shown = "";

  constructor(
    private readonly use: (entry: HistoryEntry) => void,
    private readonly again: (entry: HistoryEntry) => void,
  ) {
    const heading = element("sp-detail", { class: "heading" }, "History");
    this.element = element("div", { class: "history column" }, heading, this.list);
  }

  /** Show the edits of a document. */
  show(entries: HistoryEntry[]): void {
    const told = JSON.stringify(entries);
    if (told === this.shown) return;
    this.shown = told;
    show(this.element, entries.length > 0);
    emptied(this.list);
    for (const each of entries) this.list.appendChild(this.line(each));
  }

  private line(entry: HistoryEntry): HTMLElement {
    const words = wordsOf(entry);
    const title = `${words}, receipt ${entry.receipt}`;
    const label = (what: string) => ({ quiet: true, "aria-label": `${what}: ${words}` });
    const use = { ...label("Use settings"), class: "use", title: "Fill in everything as it was" };
    const again = { ...label("Run again"), class: "again", title: "The same edit once more" };
    return element(
      "div",
      { class: "row line entry" },
      element("span", { class: "grow entry-words", title }, words),
      button("Use", use, () => this.use(entry), "sp-action-button"),
      button("Again", again, () => this.again(entry), "sp-action-button"),
    );
  }
}
