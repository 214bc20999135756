import { signal } from "@preact/signals";
import { connect } from "../session/daemon.ts";
import { sentence } from "../session/notices.ts";

const KEY = "retouch.token";
const CODE = /^#pair=(\d{8})$/;

/** "asking" until it is known whether the page has a token that the daemon takes. */
export const pairing = signal<"asking" | "needed" | "paired">("asking");
export const pairingProblem = signal("");

/**
 * Pairs the page: by the one-time code in the address's fragment, which no server sees and no
 * history keeps, else by the token of this tab.
 */
export async function pair(): Promise<void> {
  const code = CODE.exec(location.hash)?.[1];
  if (location.hash) history.replaceState(null, "", location.pathname);
  const kept = sessionStorage.getItem(KEY);
  if (code) await pairWith(code);
  else if (kept) await enter(kept);
  else pairing.value = "needed";
}

/** Trades a code for a token. */
export async function pairWith(code: string): Promise<void> {
  pairing.value = "asking";
  pairingProblem.value = "";
  try {
    const answer = await fetch("/v1/pair", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ code }),
    });
    const found = (await answer.json()) as { token?: string; message?: string };
    if (!answer.ok || !found.token)
      throw new Error(
        found.message ?? "The code was not taken; ask for a new one with `retouch pair`",
      );
    sessionStorage.setItem(KEY, found.token);
    await enter(found.token);
  } catch (problem) {
    refuse(problem);
  }
}

async function enter(token: string): Promise<void> {
  try {
    await connect(token);
    pairing.value = "paired";
  } catch (problem) {
    if ((problem as { code?: string }).code === "unauthenticated") sessionStorage.removeItem(KEY);
    refuse(problem);
  }
}

function refuse(problem: unknown): void {
  pairingProblem.value = sentence(problem);
  pairing.value = "needed";
}
