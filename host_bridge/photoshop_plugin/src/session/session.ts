/** An edit as the person sees it: at work, then variants to flip through, then a layer. */

import { EditTask } from "@kit/edit_task.js";
import { sentence } from "@kit/panel_form.js";
import { Stop, Stopped } from "@kit/patience.js";
import type { EditResult, Expansion, Preview, Progress, Rect, Retouch } from "../kit_types.ts";
import { Interrupted, inModal } from "../photoshop/modal.ts";
import { OpenDocument } from "../photoshop/open_document.ts";
import { type SmallPicture, dataUrl, nothing, over, small } from "../photoshop/panel_picture.ts";
import { insertLayer } from "../photoshop/result_layer.ts";
import { type SampleForm, sampleForm } from "../photoshop/sample_form.ts";
import { type EditAtWork, addAtWork, removeAtWork } from "./edits_at_work.ts";
import { type Ended, FollowedEdit } from "./followed_edit.ts";
import { addToHistory } from "./history.ts";
import { type Order, capture } from "./order.ts";

/** A finished variant, and how the panel shows it. */
export interface Variant {
  result: EditResult;
  image: string;
}

export type State = "running" | "done" | "failed" | "cancelled";

/** One edit of one document, whatever document is active meanwhile. */
export class Session {
  state: State = "running";
  progress: Progress | null = null;
  /** A sentence to show; empty = none. */
  message = "";
  error: Error | null = null;
  /** The newest preview, or the shown variant, as an address; empty = none yet. */
  image = "";
  variants: Variant[] = [];
  shown = 0;
  /** Whether there are variants that can still be placed. */
  isOpen = false;
  /** Whether a finished variant waits for its document to come to the front. */
  isWaiting = false;
  jobId = "";
  documentId: number;
  documentKey: string;

  private edit: { cancel(): void } | null = null;
  private before: SmallPicture | null = null;
  private form: SampleForm;
  private canvas: Rect;
  private crop: Rect | null = null;
  private expansion: Expansion | null = null;
  private mode = "";
  private wanted = 1;
  private wasPlaced = false;
  private isPlacing = false;
  private readonly stop = new Stop();

  constructor(
    document: OpenDocument,
    readonly title: string,
    private readonly changed: () => void,
  ) {
    this.documentId = document.id;
    this.documentKey = document.key;
    this.form = sampleForm(document);
    this.canvas = document.canvas;
  }

  get isRunning(): boolean {
    return this.state === "running";
  }

  /** Whether a finished variant was neither placed nor discarded. */
  get isUndecided(): boolean {
    return this.isOpen && !this.wasPlaced;
  }

  /** Begin: read the document in one short modal, then work outside of it. */
  async start(retouch: Retouch, document: OpenDocument, order: Order): Promise<void> {
    try {
      const found = await capture(document, order, daemonName(this.documentKey));
      const { snapshot, choices, form, canvas } = found;
      Object.assign(this, { form, canvas, crop: snapshot.crop, wanted: choices.variants });
      Object.assign(this, { mode: order.mode.name, expansion: order.expansion });
      this.before = small(snapshot.picture, snapshot.crop);
      if (this.stop.isSet) throw new Stopped("stopped");
      this.edit = new EditTask(retouch, snapshot as never, choices, this.told()).start();
    } catch (problem) {
      const state = problem instanceof Stopped ? "cancelled" : "failed";
      this.finished({ state, error: problem as Error, jobId: "" });
    }
  }

  /** Fetch an edit that was interrupted. */
  resume(retouch: Retouch, entry: EditAtWork): void {
    const { crop, canvas, expansion, mode, jobId, variants } = entry;
    Object.assign(this, { crop, canvas, expansion, mode, jobId, wanted: variants });
    this.before = nothing(crop);
    this.edit = new FollowedEdit(retouch, jobId, crop, this.told()).start();
  }

  /** The document was saved under a name. */
  renamed(key: string): void {
    if (key === this.documentKey) return;
    this.documentKey = key;
    if (this.isRunning && this.jobId) this.submitted(this.jobId);
  }

  /** Stop exactly this edit; returns at once. */
  cancel(): void {
    if (!this.isRunning) return;
    this.message = "Cancelling …";
    this.stop.set();
    this.edit?.cancel();
    this.changed();
  }

  /** Show another variant: `by` further, around the end. */
  flip(by: number): void {
    const { length } = this.variants;
    if (!length) return;
    this.shown = (this.shown + by + length) % length;
    this.show();
  }

  /** Let the variants go; what was placed stays. */
  discard(): void {
    Object.assign(this, { isOpen: false, isWaiting: false, image: "", message: "" });
    this.stop.set();
    this.changed();
  }

  /** Place the shown variant as a layer; later, where its document is not in front. */
  async place(): Promise<void> {
    const variant = this.variants[this.shown];
    if (!variant || this.isPlacing || !this.isInFront()) return;
    this.isPlacing = true;
    try {
      await this.insert(variant.result);
      this.wasPlaced = true;
      this.isOpen = this.variants.length > 1;
      this.message = "Placed as a new layer; one undo takes it out.";
    } catch (problem) {
      if (!(problem instanceof Stopped)) this.message = this.refusal(problem);
    }
    this.isPlacing = false;
    this.changed();
  }

  /** Place what has waited, where its document is in front now. */
  async placeWaiting(): Promise<void> {
    if (this.isWaiting) await this.place();
  }

  private insert(result: EditResult): Promise<void> {
    const { form, canvas, expansion } = this;
    const layer = { name: `${this.title} (${result.seed})`, result, form, canvas, expansion };
    const onWait = () => {
      this.message = "Finished; it is placed when Photoshop is free: end the tool or the dialog.";
      this.changed();
    };
    return inModal(
      "Retouch: place the result",
      (context) => insertLayer(context, this.documentId, layer),
      { patience: Infinity, onWait, stop: this.stop },
    );
  }

  private isInFront(): boolean {
    const document = OpenDocument.ofId(this.documentId);
    this.isWaiting = !document?.isActive;
    if (!document) this.message = "Finished, but the document was closed. Fix: open it again.";
    else if (this.isWaiting) this.message = `Finished. Switch to ${document.title} to place it.`;
    if (this.isWaiting) this.changed();
    return !this.isWaiting;
  }

  private refusal(problem: unknown): string {
    const words = sentence(problem as Error);
    return problem instanceof Interrupted ? `${words.replace("try again", "press Place")}` : words;
  }

  private told() {
    return {
      onProgress: (progress: Progress) => this.progressed(progress),
      onPreview: (preview: Preview) => this.previewed(preview),
      onResult: (result: EditResult) => this.arrived(result),
      onEnd: (ended: Ended) => this.finished(ended),
    };
  }

  private progressed(progress: Progress): void {
    this.progress = progress;
    const { jobId } = (this.edit ?? { jobId: "" }) as { jobId?: string };
    if (jobId && !this.jobId) this.submitted(jobId);
    this.changed();
  }

  private submitted(jobId: string): void {
    const { documentKey: document, title, mode, crop, canvas, expansion, wanted } = this;
    this.jobId = jobId;
    if (!crop) return;
    addAtWork({ jobId, document, title, mode, crop, canvas, expansion, variants: wanted });
  }

  private async previewed({ variant, picture, bounds }: Preview): Promise<void> {
    if (variant || this.variants.length || !this.isRunning || !this.before) return;
    this.image = await pictured(over(this.before, picture, bounds), this.image);
    this.changed();
  }

  private async arrived(result: EditResult): Promise<void> {
    const { before } = this;
    const seen = before ? over(before, result.picture, result.bounds) : nothing(result.bounds);
    this.variants.push({ result, image: await pictured(seen, "") });
    this.variants.sort((one, other) => one.result.variant - other.result.variant);
    this.isOpen = true;
    if (this.variants.length === 1) {
      addToHistory(this.documentKey, this.mode, this.title, result);
    }
    this.show();
  }

  private async finished({ state, error, jobId }: Ended): Promise<void> {
    removeAtWork(jobId || this.jobId);
    this.state = state as State;
    this.error = error;
    this.progress = null;
    if (error && state !== "cancelled") this.message = sentence(error);
    else if (state === "cancelled") this.message = "Cancelled; the document is as it was.";
    else this.message = "";
    if (!this.variants.length) this.image = "";
    this.changed();
    if (state === "done" && this.wanted === 1) await this.place();
  }

  private show(): void {
    this.image = this.variants[this.shown]?.image ?? "";
    this.changed();
  }
}

/** A look that cannot be had is no fault of the edit. */
async function pictured(picture: SmallPicture, otherwise: string): Promise<string> {
  return dataUrl(picture).catch(() => otherwise);
}

/** The daemon's name of a document: of the same file always the same, and no path (FNV-1a). */
function daemonName(key: string): string {
  let [low, high] = [0x811c9dc5, 0x1000193];
  for (const each of key) {
    low = Math.imul(low ^ (each.codePointAt(0) ?? 0), 0x01000193) >>> 0;
    high = Math.imul(high + low, 0x85ebca6b) >>> 0;
  }
  return `photoshop-${[high, low].map((each) => each.toString(16).padStart(8, "0")).join("")}`;
}
