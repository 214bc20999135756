/** What an edit tells its host: progress, previews, results. The twin of `edit_events.py`. */

import { placed, rectOf } from "./geometry.js";
import { pictureOf } from "./pictures.js";
import { alphaBytes } from "./pixel_rows.js";

const WORDS = {
  load: "Loading the model", encode: "Reading the picture", invert: "Finding the picture's noise",
  denoise: "Painting", decode: "Developing", rank: "Choosing the best",
  check: "Checking and signing",
};
/** Part of a whole edit that its upload takes in the progress bar. */
const UPLOAD = 0.05;
/** Where the bar waits for the gate's last word. */
const PAINTED = 0.99;

/**
 * Return the preview of an event: {variant, picture, bounds}. The picture is small, in the
 * snapshot's channel order and profile, with alpha; `bounds` are in document pixels.
 *
 * @param {(sha256: string) => Promise<Uint8Array>} fetchBlob of the client.
 */
export async function readPreview(event, crop, fetchBlob) {
  const { variant = 0, image, bounds } = event.preview;
  const small = await picture(image, fetchBlob);
  return { variant, picture: small, bounds: placed(rectOf(bounds), crop) };
}

/**
 * Return the result of an event, ready to be a layer: {variant, picture, mask, bounds, seed,
 * receiptId, receipt, effective, settings}. `picture` is the patch with straight alpha; `mask` is
 * that alpha, one byte per pixel; `seed` is a text of digits.
 */
export async function readResult(event, crop, fetchBlob) {
  const { variant = 0, patch, composited, bounds, seed = "0", ...more } = event.result;
  const found = await picture(patch ?? composited, fetchBlob);
  return {
    variant,
    picture: found,
    mask: found.isFile ? new Uint8Array(0) : alphaBytes(found.data, found.sampleType),
    bounds: placed(rectOf(bounds), crop),
    seed,
    receiptId: more.receiptId ?? "",
    receipt: more.receipt ?? "",
    effective: more.effective ?? {},
    settings: more.settings ?? {},
  };
}

async function picture(sent, fetchBlob) {
  const profile = sent.colorProfile?.iccSha256;
  const icc = profile ? await fetchBlob(profile) : null;
  return pictureOf(sent, await fetchBlob(sent.sha256), icc);
}

/** Turns events into one share that never falls: {share, words, remaining}. */
export class ProgressBar {
  constructor() {
    this._phases = [];
    this._share = 0;
  }

  /** So many bytes of so many are there. */
  uploaded(sent, of) {
    return this._told((UPLOAD * sent) / Math.max(1, of), "Uploading", null);
  }

  /** Return how far the edit is after an event; null where that is about something else. */
  take(event) {
    if (event.phases) {
      this._phases = event.phases.phases ?? [];
      return this._told(UPLOAD, "Preparing", null);
    }
    if (event.queued) {
      const before = event.queued.position ?? 0;
      const words = before ? `Waiting, ${before} before it` : "Waiting";
      return { share: null, words, remaining: null };
    }
    if (event.updated?.paused) {
      return { share: this._share || null, words: "Paused", remaining: null };
    }
    return event.progress ? this._step(event.progress) : null;
  }

  _step({ phase = 0, step = 0, ofSteps = 1, remaining = "" }) {
    const of = Math.max(1, ofSteps);
    const shares = this._phases.map((each) => each.share ?? 0);
    const before = shares.slice(0, phase).reduce((sum, each) => sum + each, 0);
    const done = before + ((shares[phase] ?? 0) * step) / of;
    const words = done > PAINTED ? WORDS.check : this._words(phase, step, of);
    const left = remaining ? parseFloat(remaining) : null;
    return this._told(UPLOAD + (PAINTED - UPLOAD) * Math.min(1, done), words, left);
  }

  _words(phase, step, of) {
    const name = this._phases[phase]?.name ?? "";
    const words = WORDS[name] ?? (name ? name.charAt(0).toUpperCase() + name.slice(1) : "Working");
    return of > 1 ? `${words}, ${step} of ${of}${name === "load" ? " MiB" : ""}` : words;
  }

  _told(share, words, remaining) {
    this._share = Math.max(this._share, share);
    return { share: this._share, words, remaining };
  }
}
