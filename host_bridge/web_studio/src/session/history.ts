import { signal } from "@preact/signals";
import { choicesOf } from "@kit/choices.js";
import { connected } from "./daemon.ts";
import type { JobEvent, ResultMessage } from "./job_events.ts";
import type { Effective, EditMessage, Variant } from "./results.ts";
import { fetchVariant } from "./variants.ts";

/** A finished edit. */
export interface Entry {
  readonly jobId: string;
  readonly when: Date;
  readonly prompt: string;
  readonly operations: readonly string[];
  readonly model: string;
  readonly results: readonly ResultMessage[];
  /** Everything needed to run it again. */
  readonly effective: Effective;
  /** Small picture of the first variant; empty until it was made. */
  readonly thumbnail: string;
}

/** Newest first. */
export const history = signal<readonly Entry[]>([]);
export const historyLoading = signal(false);

const MOST_ENTRIES = 40;
const THUMBNAIL = 144;

export function addToHistory(jobId: string, message: EditMessage, found: readonly Variant[]): void {
  const first = found[0];
  if (!first) return;
  const results = found.map((each) => ({
    variant: each.index,
    composited: { sha256: each.sha256 },
    ...(each.bounds ? { bounds: each.bounds } : {}),
    seed: each.seed,
    receiptId: each.receiptId,
    effective: each.effective,
  }));
  const entry = entryOf(
    jobId,
    new Date(),
    results,
    first.effective.request ? first.effective : { request: message },
  );
  history.value = [entry, ...history.value.filter((each) => each.jobId !== jobId)].slice(
    0,
    MOST_ENTRIES,
  );
  void drawThumbnail(entry, first.shown);
}

/** Reads the studio's finished edits from the daemon, which keeps them for days. */
export async function loadHistory(): Promise<void> {
  historyLoading.value = true;
  try {
    const answer = await connected().call("EditService/ListJobs", { states: ["JOB_STATE_DONE"] });
    const jobs = ((answer.jobs ?? []) as { jobId: string; created?: string }[]).toReversed();
    const known = new Set(history.value.map((entry) => entry.jobId));
    for (const job of jobs.slice(0, MOST_ENTRIES)) {
      if (known.has(job.jobId)) continue;
      const entry = await pastEntry(job.jobId, new Date(job.created ?? 0));
      if (!entry) continue;
      history.value = [...history.value, entry].toSorted(
        (a, b) => b.when.getTime() - a.when.getTime(),
      );
      void drawThumbnail(entry);
    }
  } finally {
    historyLoading.value = false;
  }
}

/** The variants of an entry, to be shown again. */
export function variantsOf(entry: Entry): Promise<Variant[]> {
  return Promise.all(entry.results.map((result) => fetchVariant(entry.jobId, result)));
}

async function pastEntry(jobId: string, when: Date): Promise<Entry | null> {
  const results: ResultMessage[] = [];
  for await (const event of connected().watch(jobId) as AsyncIterable<JobEvent>) {
    if (event.result) results.push(event.result);
  }
  const effective = results[0]?.effective;
  return effective && results[0]?.composited ? entryOf(jobId, when, results, effective) : null;
}

function entryOf(jobId: string, when: Date, results: ResultMessage[], effective: Effective): Entry {
  const { request } = effective;
  return {
    jobId,
    when,
    prompt: request.prompt?.text ?? "",
    operations: choicesOf(effective).operations.map((each: { name: string }) => each.name),
    model: request.model ?? "",
    results,
    effective,
    thumbnail: "",
  };
}

async function fetchedPicture(sha256: string): Promise<ImageBitmap> {
  const bytes = await connected().get(sha256);
  return createImageBitmap(new Blob([bytes as Uint8Array<ArrayBuffer>]));
}

async function drawThumbnail(entry: Entry, known: ImageBitmap | null = null): Promise<void> {
  const sha256 = entry.results[0]?.composited?.sha256;
  if (!sha256) return;
  try {
    const shown = known ?? (await fetchedPicture(sha256));
    const scale = Math.max(THUMBNAIL / shown.width, THUMBNAIL / shown.height);
    const canvas = new OffscreenCanvas(THUMBNAIL, THUMBNAIL);
    const [width, height] = [shown.width * scale, shown.height * scale];
    const pen = canvas.getContext("2d");
    pen?.drawImage(shown, (THUMBNAIL - width) / 2, (THUMBNAIL - height) / 2, width, height);
    if (!known) shown.close();
    const thumbnail = URL.createObjectURL(await canvas.convertToBlob());
    history.value = history.value.map((each) =>
      each.jobId === entry.jobId ? { ...each, thumbnail } : each,
    );
  } catch {
    // Gone from the daemon, or a form that the browser cannot show: the entry has its words.
  }
}
