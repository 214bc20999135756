/** Lists of plain JSON in the panel's own storage: history, and edits at work. */

/** What is stored under a key; empty where there is nothing, or something else. */
export function stored<T>(key: string): T[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(found) ? (found as T[]) : [];
  } catch {
    return [];
  }
}

/** Keep a list; what cannot be kept is no reason to stop. */
export function store(key: string, list: unknown[]): void {
  try {
    localStorage.setItem(key, JSON.stringify(list));
  } catch {
    return;
  }
}
