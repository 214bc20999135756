/** Waiting for a daemon that is gone for a while, and stopping at once. */

import { Failed, Lost, NotRunning } from "./failures.js";

/** Something was told to stop. */
export class Stopped extends Error {}

/** A wish to stop, that whoever waits hears of at once; UXP documents no AbortController. */
export class Stop {
  constructor() {
    this.isSet = false;
    this._heard = new Set();
  }

  /** Stop, once and for all. */
  set() {
    this.isSet = true;
    for (const tell of [...this._heard]) tell();
    this._heard.clear();
  }

  /** Have a function called when it is set; return one that forgets it. */
  hear(tell) {
    if (this.isSet) tell();
    else this._heard.add(tell);
    return () => this._heard.delete(tell);
  }

  /** Wait for some seconds, or less when it is set. */
  wait(seconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(), seconds * 1000);
      let forget = () => {};
      const done = () => {
        clearTimeout(timer);
        forget();
        resolve();
      };
      forget = this.hear(done);
    });
  }
}

/** Tell whether the same call may succeed when the daemon is back, or has room again. */
export function gone(problem) {
  if (problem instanceof Failed) return problem.retryable;
  return problem instanceof NotRunning || problem instanceof Lost;
}

/**
 * Do something that is harmless twice until it succeeds.
 *
 * @param {() => Promise<any>} act what to do.
 * @param {number} seconds after which the error is thrown.
 * @param {Stop} stop ends it at once with Stopped.
 */
export async function patiently(act, seconds, stop = new Stop()) {
  const ends = Date.now() + seconds * 1000;
  let pause = 0.1;
  while (!stop.isSet) {
    let told = null;
    try {
      return await act();
    } catch (problem) {
      if (!gone(problem) || Date.now() >= ends) throw problem;
      told = problem.retrySeconds ?? null;
    }
    await stop.wait(Math.min(told ?? pause, Math.max(0, ends - Date.now()) / 1000));
    pause = Math.min(2 * pause, 2);
  }
  throw new Stopped("stopped");
}
