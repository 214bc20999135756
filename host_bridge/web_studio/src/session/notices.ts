import { signal } from "@preact/signals";
import { sentence as spoken } from "@kit/panel_form.js";

/** One sentence that the person should see; it stays until it is closed or something else is said. */
export interface Notice {
  readonly kind: "error" | "information";
  readonly text: string;
}

export const notice = signal<Notice | null>(null);

/** Said to screen readers only, politely. */
export const announcement = signal("");

export function fail(problem: unknown): void {
  notice.value = { kind: "error", text: sentence(problem) };
}

export function inform(text: string): void {
  notice.value = { kind: "information", text };
}

export function announce(text: string): void {
  announcement.value = text;
}

export function sentence(problem: unknown): string {
  const text: string = problem instanceof Error ? spoken(problem) : String(problem);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
