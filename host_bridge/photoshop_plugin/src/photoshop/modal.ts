/** Photoshop lets one plugin at a time touch its documents: `executeAsModal`, and waiting for it. */

import { Stop, Stopped } from "@kit/patience.js";
import { core } from "photoshop";
import type { ExecutionContext } from "photoshop/dom/CoreModules";

/** Photoshop's number of "somebody else is modal": a dialog, a tool at work, another plugin. */
const BUSY = 9;
/** Seconds between two tries. */
const PAUSE = 0.4;
/** Seconds for which reading waits: the person has just clicked, and looks at the panel. */
export const SHORT = 3;

/** Photoshop cannot be touched now; `message` is one sentence with what to do. */
export class Busy extends Error {
  constructor() {
    super("Photoshop is busy. Fix: end the tool or close the dialog that is open, then try again.");
  }
}

/** The person pressed Cancel in Photoshop's own progress dialog. */
export class Interrupted extends Error {
  constructor() {
    super("Photoshop was told to stop; the document is as it was. Fix: try again.");
  }
}

export interface Waiting {
  /** Seconds for which it is tried again while Photoshop is busy. */
  patience?: number;
  /** Called once, when it turns out that one has to wait. */
  onWait?: () => void;
  /** Ends the waiting. */
  stop?: Stop;
}

/**
 * Do something to Photoshop; everything else of it stands still meanwhile, so keep it short.
 *
 * Throws Busy, Stopped, Interrupted, and what `act` throws.
 */
export async function inModal<T>(
  commandName: string,
  act: (context: ExecutionContext) => Promise<T>,
  { patience = SHORT, onWait, stop = new Stop() }: Waiting = {},
): Promise<T> {
  const ends = Date.now() + patience * 1000;
  let tell = onWait;
  while (!stop.isSet) {
    let begun = false;
    let own: unknown = null;
    const watched = async (context: ExecutionContext) => {
      begun = true;
      return act(context).catch((problem: unknown) => {
        own = problem;
        throw problem;
      });
    };
    try {
      return await core.executeAsModal(watched, { commandName });
    } catch (problem) {
      if (begun || !isBusy(problem)) throw own ?? problem; // Photoshop may hand on the words only
      if (Date.now() >= ends) throw new Busy();
    }
    tell?.();
    tell = undefined;
    await stop.wait(PAUSE);
  }
  throw new Stopped("stopped");
}

/** Throw Interrupted where the person has pressed Cancel. */
export function checkGoingOn(context: ExecutionContext): void {
  if (context.isCancelled) throw new Interrupted();
}

function isBusy(problem: unknown): boolean {
  return (problem as { number?: number } | null)?.number === BUSY;
}
