import { signal } from "@preact/signals";
import { connected } from "./daemon.ts";
import { announce, sentence } from "./notices.ts";
import type { Variant } from "./results.ts";

/** What the daemon says of a file. */
export interface Verdict {
  readonly status: string;
  readonly intact: boolean;
  /** Everything in plain sentences, one a line. */
  readonly words: string;
}

/** Verdicts by SHA-256; "asking" while it is asked for. */
export const verdicts = signal<ReadonlyMap<string, Verdict | "asking">>(new Map());

const SHORT: Readonly<Record<string, string>> = {
  TRUST_STATUS_TRUSTED: "Intact, signed here",
  TRUST_STATUS_UNTRUSTED: "Intact, but its signer is not known here",
  TRUST_STATUS_RECOVERED: "Its watermark leads to a manifest of this machine",
  TRUST_STATUS_NONE: "Nothing in it could be checked",
  TRUST_STATUS_TAMPERED: "Changed after signing",
};

export async function verify(variant: Variant): Promise<void> {
  set(variant.sha256, "asking");
  try {
    const answer = await connected().call("TrustService/Verify", {
      picture: { sha256: variant.sha256 },
    });
    const verdict = {
      status: String(answer.status ?? ""),
      intact: answer.intact === true,
      words: String(answer.words ?? ""),
    };
    set(variant.sha256, verdict);
    announce(shortVerdict(verdict));
  } catch (problem) {
    set(variant.sha256, { status: "", intact: false, words: sentence(problem) });
  }
}

export function shortVerdict(verdict: Verdict): string {
  return SHORT[verdict.status] ?? "Could not be verified";
}

function set(sha256: string, verdict: Verdict | "asking"): void {
  verdicts.value = new Map(verdicts.value).set(sha256, verdict);
}
