/** Letting the panel in: a code of eight digits, which `retouch pair` shows. */

import { sentence } from "@kit/panel_form.js";
import { type Widget, button, element } from "./elements.ts";

const DIGITS = 8;

export class PairingView {
  readonly element: HTMLElement;
  private readonly code: Widget;
  private readonly message = element("div", { class: "message", role: "alert" });

  constructor(private readonly pair: (code: string) => Promise<void>) {
    const label = "Code of eight digits";
    this.code = element("sp-textfield", {
      ...{ class: "wide code", placeholder: "1234 5678", "aria-label": label },
    });
    this.code.addEventListener("keydown", (event) => {
      if (event.key === "Enter") void this.enter();
    });
    this.element = element(
      "div",
      { class: "pairing column" },
      element("sp-label", { class: "label" }, label),
      element(
        "div",
        { class: "help" },
        "Run “retouch pair” in a terminal and enter the code that it shows.",
      ),
      this.code,
      button("Pair", { variant: "cta", class: "pair-button" }, () => void this.enter()),
      this.message,
    );
  }

  private async enter(): Promise<void> {
    const digits = String(this.code.value ?? "").replace(/\D/g, "");
    if (digits.length !== DIGITS) {
      this.message.textContent = `The code has ${DIGITS} digits. Fix: enter all of them.`;
      return;
    }
    this.message.textContent = "";
    try {
      await this.pair(digits);
      this.code.value = "";
    } catch (problem) {
      this.message.textContent = sentence(problem as Error);
    }
  }
}
