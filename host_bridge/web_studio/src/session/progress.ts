import type { Rect } from "../mask/rect.ts";

/** How far the edit at work is. */
export interface Progress {
  /** 0 to 1, never falling; null = not known yet. */
  readonly share: number | null;
  /** One short line. */
  readonly words: string;
  /** Seconds to the end; null = not known. */
  readonly remaining: number | null;
}

/** A picture on the way. */
export interface ShownPreview {
  readonly shown: ImageBitmap;
  readonly bounds: Rect;
}

interface Phase {
  readonly name?: string;
  readonly share?: number;
}

const WORDS: Readonly<Record<string, string>> = {
  load: "Loading the model",
  encode: "Reading the picture",
  invert: "Finding its noise",
  denoise: "Denoising",
  decode: "Developing",
  rank: "Comparing",
  check: "Checking and signing",
};

/** Turns a job's phases and steps into one share of the whole. */
export class ProgressReader {
  #phases: readonly Phase[] = [];
  #share = 0;

  phases(phases: readonly Phase[]): void {
    this.#phases = phases;
  }

  read(progress: {
    phase?: number;
    step?: number;
    ofSteps?: number;
    remaining?: string;
  }): Progress {
    const index = progress.phase ?? 0;
    const step = progress.step ?? 0;
    const steps = progress.ofSteps ?? 1;
    const before = this.#phases.slice(0, index).reduce((sum, each) => sum + (each.share ?? 0), 0);
    const here = (this.#phases[index]?.share ?? 0) * (step / steps);
    this.#share = Math.max(this.#share, Math.min(1, before + here));
    const name = this.#phases[index]?.name ?? "";
    const words = WORDS[name] ?? (name ? name[0]?.toUpperCase() + name.slice(1) : "Working");
    return {
      share: this.#share,
      words: steps > 1 ? `${words} ${Math.min(steps, step)} of ${steps}` : words,
      remaining: secondsOf(progress.remaining),
    };
  }
}

/** Seconds of a protobuf duration in JSON form: "1.500s". */
export function secondsOf(duration: string | undefined): number | null {
  const seconds = Number.parseFloat(duration ?? "");
  return Number.isFinite(seconds) ? seconds : null;
}

/** "about 12 s left", "about 2 min left". */
export function timeLeft(seconds: number | null): string {
  if (seconds === null) return "";
  if (seconds < 1) return "less than 1 s left";
  if (seconds < 90) return `about ${Math.round(seconds)} s left`;
  return `about ${Math.round(seconds / 60)} min left`;
}
