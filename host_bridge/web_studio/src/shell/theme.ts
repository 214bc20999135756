import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const KEY = "retouch.theme";
const ORDER: readonly Theme[] = ["system", "light", "dark"];

export const theme = signal<Theme>(read());

export function nextTheme(): void {
  theme.value = ORDER[(ORDER.indexOf(theme.value) + 1) % ORDER.length] ?? "system";
}

export function keepTheme(): void {
  effect(() => {
    if (theme.value === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
    try {
      localStorage.setItem(KEY, theme.value);
    } catch {
      // Private windows may refuse: the choice then lasts as long as the page.
    }
  });
}

function read(): Theme {
  try {
    const kept = localStorage.getItem(KEY) as Theme | null;
    return kept && ORDER.includes(kept) ? kept : "system";
  } catch {
    return "system";
  }
}
