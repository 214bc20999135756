import { signal } from "@preact/signals";
import { Retouch } from "@kit/client.js";
import { type Catalog, catalog } from "./catalog.ts";

/** The name that jobs, quotas and history of the studio belong to. */
export const CLIENT = "studio";

/** The daemon; null until the page is paired. */
export const daemon = signal<Retouch | null>(null);
/** Whether it answers. */
export const answering = signal(true);

/** Connects with a token and reads the catalogue. Throws one sentence. */
export async function connect(token: string): Promise<void> {
  const found = new Retouch(location.host, token, CLIENT);
  catalog.value = (await found.describe()) as Catalog;
  daemon.value = found;
  answering.value = true;
}

export function connected(): Retouch {
  if (!daemon.value) throw new Error("The studio is not paired; run `retouch studio` again");
  return daemon.value;
}

const bytesOf = new WeakMap<Blob, Uint8Array>();

/** Uploads a file once; returns its SHA-256. */
export async function stored(file: Blob): Promise<string> {
  const bytes = bytesOf.get(file) ?? new Uint8Array(await file.arrayBuffer());
  bytesOf.set(file, bytes); // the kit sends the same bytes once
  return connected().put(bytes);
}

const LOOK_MS = 4000;

/** Looks now and then whether the daemon answers; returns how to stop. */
export function watchDaemon(): () => void {
  const timer = setInterval(() => {
    if (document.hidden || !daemon.value) return;
    daemon.value.hello().then(
      () => (answering.value = true),
      () => (answering.value = false),
    );
  }, LOOK_MS);
  return () => clearInterval(timer);
}
