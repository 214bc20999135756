/** Finding the daemon, pairing with it, and noticing when it goes and comes. */

import { Retouch } from "@kit/client.js";
import { Failed, NotRunning } from "@kit/failures.js";
import { sentence } from "@kit/panel_form.js";
import { storage } from "uxp";
import type { Catalog } from "../kit_types.ts";
import { PanelClient } from "./panel_client.ts";

/** Of this panel, at the daemon: jobs, quotas and history belong to it. */
const CLIENT_NAME = "photoshop";
const TOKEN = "retouch.token";
/** Milliseconds between two looks: while it is away, and while it is there. */
const [LOOK, GLANCE] = [2000, 5000];
/** Seconds after which a look is given up. */
const SOON = 5;

/** Written by `retouch install photoshop`: where the daemon's gateway listens. */
const ADDRESS = (globalThis as { RETOUCH_ADDRESS?: string }).RETOUCH_ADDRESS ?? "127.0.0.1:7862";
/** The same by name: some versions of UXP are said to let plugins ask names only. */
const PLACES = [ADDRESS, ADDRESS.replace("127.0.0.1", "localhost")];

export interface Heard {
  /** It answers, and has this catalogue. */
  onFound(catalog: Catalog): void;
  /** It does not; a sentence to show. */
  onMissing(words: string): void;
  /** It answers, and does not know this panel. */
  onStranger(): void;
}

export class DaemonConnection {
  retouch: Retouch | null = null;
  private token = "";
  private place = ADDRESS;

  constructor(private readonly heard: Heard) {}

  /** Look for the daemon, again and again. */
  async start(): Promise<void> {
    this.token = await readToken();
    const again = async () => {
      await this.look();
      setTimeout(again, this.retouch ? GLANCE : LOOK);
    };
    await again();
  }

  /** Trade a code of `retouch pair` for a token. Throws RetouchError: one sentence. */
  async pair(code: string): Promise<void> {
    this.token = await Retouch.pair(this.place, code, CLIENT_NAME);
    await storage.secureStorage.setItem(TOKEN, this.token).catch(() => {});
    await this.look();
  }

  private async look(): Promise<void> {
    try {
      if (this.retouch) await this.retouch.hello();
      else await this.find();
    } catch (problem) {
      this.retouch = null;
      if (isStranger(problem)) this.refused();
      else this.heard.onMissing(sentence(problem as Error));
    }
  }

  private async find(): Promise<void> {
    let first: unknown = null;
    for (const place of PLACES) {
      try {
        await this.meet(place);
        this.place = place;
        return;
      } catch (problem) {
        if (!(problem instanceof NotRunning)) throw problem;
        first ??= problem;
      }
    }
    throw first;
  }

  private async meet(place: string): Promise<void> {
    const found = new PanelClient(place, this.token, CLIENT_NAME);
    if (!this.token) {
      await new Retouch(place, "", CLIENT_NAME, { timeout: SOON }).hello();
      this.heard.onStranger();
      return;
    }
    const catalog = (await found.describe()) as Catalog;
    this.retouch = found;
    this.heard.onFound(catalog);
  }

  /** The daemon has refused the token during an edit: ask for a code. */
  refused(): void {
    if (!this.token) return;
    this.token = "";
    this.retouch = null;
    this.heard.onStranger();
  }
}

/** Whether the daemon answered that it does not know this panel: its token, or its origin. */
export function isStranger(problem: unknown): boolean {
  if (!(problem instanceof Failed)) return false;
  const { status } = problem as unknown as { status: string };
  return status === "unauthenticated" || status === "permission_denied";
}

/** UXP keeps bytes; a token has letters and digits only. Empty = none, or it was lost. */
async function readToken(): Promise<string> {
  try {
    const bytes = await storage.secureStorage.getItem(TOKEN);
    return bytes ? String.fromCharCode(...bytes) : "";
  } catch {
    return "";
  }
}
