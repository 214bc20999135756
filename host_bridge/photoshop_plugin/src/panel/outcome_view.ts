/** What an edit has come to: progress, its picture, and the variants to flip through. */

import type { Session } from "../session/session.ts";
import { type Widget, button, element, show } from "./elements.ts";

export class OutcomeView {
  readonly element: HTMLElement;
  private session: Session | null = null;
  private readonly bar = element("sp-progressbar", { max: "100", value: "0", class: "wide" });
  private readonly words = element("div", { class: "progress-words" });
  private readonly message = element("div", { class: "message", role: "status" });
  private readonly image = element("img", { class: "picture", alt: "The edit" });
  private readonly number = element("span", { class: "place" });
  private readonly flipping: Widget;
  private readonly choosing: Widget;

  constructor() {
    this.flipping = element(
      "div",
      { class: "row flipping" },
      this.step("◀", "Variant before", "previous", -1),
      this.number,
      this.step("▶", "Next variant", "next", 1),
    );
    const place = button("Place", { class: "place-button", variant: "primary" }, () => {
      void this.session?.place();
    });
    const discard = button("Discard", { class: "discard", variant: "secondary" }, () =>
      this.session?.discard(),
    );
    this.choosing = element("div", { class: "row choosing" }, this.flipping, place, discard);
    const progress = element("div", { class: "progress column" }, this.words, this.bar);
    this.element = element(
      "div",
      { class: "outcome column" },
      ...[progress, this.message, this.image, this.choosing],
    );
    this.show(null, "");
  }

  /** Show a session as it is now; null = only some words. */
  show(session: Session | null, words: string): void {
    this.session = session;
    const progress = this.words.parentElement as HTMLElement;
    show(progress, session?.isRunning ?? false);
    if (session?.isRunning) this.showProgress(session);
    const message = session?.message || words;
    this.message.textContent = message;
    show(this.message, message !== "");
    show(this.image, Boolean(session?.image));
    if (session?.image) this.image.setAttribute("src", session.image);
    show(this.choosing, session?.isOpen ?? false);
    const several = (session?.variants.length ?? 0) > 1;
    show(this.flipping, several);
    if (session && several) {
      this.number.textContent = `${session.shown + 1} of ${session.variants.length}`;
    }
  }

  private showProgress({ progress }: Session): void {
    const share = progress?.share ?? 0;
    this.bar.setAttribute("value", String(Math.round(100 * share)));
    const left = progress?.remaining ?? null;
    const words = progress?.words ?? "Reading the picture";
    this.words.textContent =
      left !== null && left >= 1 ? `${words}, ${left.toFixed(0)} s left` : words;
  }

  private step(words: string, label: string, name: string, by: number): Widget {
    const names = { class: name, quiet: true, "aria-label": label, title: label };
    return button(words, names, () => this.session?.flip(by), "sp-action-button");
  }
}
