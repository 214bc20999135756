import { batch, signal } from "@preact/signals";
import { errorOfEvent } from "@kit/failures.js";
import { connected } from "./daemon.ts";
import { previewPicture } from "./preview_picture.ts";
import { type JobEvent, type PreviewMessage, wholeRect } from "./job_events.ts";
import { addToHistory } from "./history.ts";
import { announce, fail, inform, notice } from "./notices.ts";
import { type Progress, ProgressReader, type ShownPreview, timeLeft } from "./progress.ts";
import {
  choose,
  chosen,
  comparing,
  type EditMessage,
  expected,
  showVariants,
  type Variant,
  variant,
  variants,
} from "./results.ts";
import { fetchVariant } from "./variants.ts";

/** The edit at work; null = none. */
export interface Run {
  jobId: string;
  cancelled: boolean;
  readonly count: number;
}

export const run = signal<Run | null>(null);
export const progress = signal<Progress | null>(null);
/** Pictures on the way, by variant. */
export const previews = signal<ReadonlyMap<number, ShownPreview>>(new Map());

/** Uploads, submits and follows one edit to its end; errors are shown, never thrown. */
export async function runEdit(prepare: () => Promise<EditMessage>, count: number): Promise<void> {
  if (run.value) return;
  const own: Run = { jobId: "", cancelled: false, count };
  const before = { variants: variants.value, chosen: chosen.value };
  batch(() => {
    run.value = own;
    notice.value = null;
    previews.value = new Map();
    variants.value = [];
    expected.value = count;
    comparing.value = null;
    choose(0);
    progress.value = { share: null, words: "Uploading", remaining: null };
  });
  announce("Started");
  try {
    const message = await prepare();
    if (own.cancelled) return;
    progress.value = { share: null, words: "Waiting", remaining: null };
    const job = await connected().submit(message);
    own.jobId = job.jobId;
    if (own.cancelled) await connected().cancel([own.jobId]);
    await follow(own, message);
  } catch (problem) {
    if (!own.cancelled) fail(problem);
  } finally {
    finish(before);
  }
}

/** Cancels exactly this edit; returns at once. */
export function cancelRun(): void {
  const own = run.value;
  if (!own || own.cancelled) return;
  own.cancelled = true;
  progress.value = { share: progress.value?.share ?? null, words: "Cancelling", remaining: null };
  if (own.jobId) connected().cancel([own.jobId]).catch(fail);
}

async function follow(own: Run, message: EditMessage): Promise<void> {
  const reader = new ProgressReader();
  const found: Variant[] = [];
  let told = -1;
  for await (const event of connected().watch(own.jobId) as AsyncIterable<JobEvent>) {
    if (event.queued) showQueue(event.queued.position ?? 0);
    if (event.phases) reader.phases(event.phases.phases ?? []);
    if (event.progress && !own.cancelled) {
      progress.value = reader.read(event.progress);
      told = tellQuarters(progress.value, told);
    }
    if (event.preview) void showPreview(own, event.preview);
    if (event.result) {
      found.push(await fetchVariant(own.jobId, event.result));
      variants.value = found.toSorted((a, b) => a.index - b.index);
    }
    if (event.warning?.message) inform(event.warning.message);
    const problem = errorOfEvent(event);
    if (problem && !event.cancelled) fail(problem);
    if (event.cancelled) announce("Cancelled");
    if (event.done) announce(`Done: ${found.length} of ${own.count}`);
  }
  if (found.length > 0) addToHistory(own.jobId, message, found);
}

async function showPreview(own: Run, preview: PreviewMessage): Promise<void> {
  try {
    const shown = await previewPicture(preview.image ?? {});
    if (run.value !== own) return;
    const next = new Map(previews.value);
    next.delete(preview.variant ?? 0); // the newest is the last
    next.set(preview.variant ?? 0, { shown, bounds: wholeRect(preview.bounds) });
    previews.value = next;
  } catch {
    // A preview that is gone already was out of date: the next one comes.
  }
}

function showQueue(position: number): void {
  const words = position > 0 ? `Waiting, ${position} before it` : "Waiting, next";
  progress.value = { share: null, words, remaining: null };
}

/** Screen readers hear of every quarter, not of every step. */
function tellQuarters(now: Progress, told: number): number {
  const quarter = Math.floor((now.share ?? 0) * 4);
  if (quarter > told && quarter > 0 && quarter < 4) {
    announce(`${quarter * 25} percent. ${timeLeft(now.remaining)}`);
  }
  return Math.max(told, quarter);
}

/** Nothing is at work any more; where nothing came of it, what was there before is shown again. */
function finish(before: { variants: readonly Variant[]; chosen: number }): void {
  const found = variants.value;
  const shown = variant.value;
  batch(() => {
    run.value = null;
    progress.value = null;
    previews.value = new Map();
    if (found.length === 0) showVariants(before.variants, before.chosen);
    else if (chosen.value < 0) showVariants(found, -1);
    else showVariants(found, Math.max(0, shown ? found.indexOf(shown) : 0));
  });
}
