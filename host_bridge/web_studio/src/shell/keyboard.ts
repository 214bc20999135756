import { peeking } from "../session/results.ts";
import { spaceHeld } from "../stage/pointer_state.ts";
import { type Shortcut, SHORTCUTS } from "./commands.ts";

const MAC = /Mac|iP(hone|ad)/.test(navigator.platform);

/** Listens to the whole page; returns how to stop. */
export function listenToKeys(): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  window.addEventListener("keydown", pressed, { signal });
  window.addEventListener("keyup", released, { signal });
  window.addEventListener("blur", letGo, { signal });
  return () => controller.abort();
}

/** The keys of a shortcut as this machine writes them: ["Ctrl", "Z"]. */
export function keyNames(keys: string): string[] {
  const names: Readonly<Record<string, string>> = {
    Mod: MAC ? "⌘" : "Ctrl",
    Shift: MAC ? "⇧" : "Shift",
    Enter: MAC ? "↩" : "Enter",
    Escape: "Esc",
  };
  return keys.split(/\+(?!$)/).map((key) => names[key] ?? key);
}

function pressed(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  const target = event.target as HTMLElement;
  if (event.key === " " && !takesSpace(target)) {
    spaceHeld.value = true;
    event.preventDefault();
    return;
  }
  const inText = isText(target);
  const found = SHORTCUTS.flatMap((group) => group.shortcuts).find((each) => fits(each, event));
  if (!found || (inText && !found.inText)) return;
  if (target.closest("dialog") && found.keys !== "?") return;
  event.preventDefault();
  found.run();
}

function released(event: KeyboardEvent): void {
  if (event.key === " ") spaceHeld.value = false;
  if (event.key.toLowerCase() === "v") peeking.value = false;
}

function letGo(): void {
  spaceHeld.value = false;
  peeking.value = false;
}

function fits(shortcut: Shortcut, event: KeyboardEvent): boolean {
  const parts = shortcut.keys.split(/\+(?!$)/);
  const key = parts.at(-1) ?? "";
  const mod = parts.includes("Mod");
  if (mod !== (MAC ? event.metaKey : event.ctrlKey) || event.altKey) return false;
  const letter = /^[a-z]$/i.test(key);
  if (letter && parts.includes("Shift") !== event.shiftKey) return false;
  if (key === "[" || key === "]") {
    const wanted = key === "[" ? "BracketLeft" : "BracketRight";
    const typed =
      event.code === wanted || event.key === key || event.key === (key === "[" ? "{" : "}");
    return typed && parts.includes("Shift") === event.shiftKey;
  }
  if (key === "+") return event.key === "+" || event.key === "=";
  return event.key.toLowerCase() === key.toLowerCase();
}

function isText(element: HTMLElement): boolean {
  if (element instanceof HTMLTextAreaElement || element.isContentEditable) return true;
  return (
    element instanceof HTMLInputElement && !["range", "checkbox", "button"].includes(element.type)
  );
}

/** Elements that Space presses or types into. */
function takesSpace(element: HTMLElement): boolean {
  return (
    isText(element) || element.closest("button, a, select, summary, dialog, [role=switch]") !== null
  );
}
