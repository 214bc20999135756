/** One edit from the snapshot to its results. The twin of `edit_task.py`. */

import { ProgressBar, readPreview, readResult } from "./edit_events.js";
import { prepare } from "./edit_request.js";
import { Blocked, Cancelled, Failed, Lost, RetouchError, errorOfEvent } from "./failures.js";
import { Stop, Stopped } from "./patience.js";

/** Milliseconds between two progress reports. */
const PAUSE = 50;
/** Seconds for which a cancelled job is waited for to end in the daemon. */
const FAREWELL = 10;

/**
 * One edit at work.
 *
 * `state` is "new", "running", then exactly one of "done", "failed", "cancelled". `error` is the
 * exception of "failed", whose message is one sentence to show; of "done" a Blocked where the gate
 * kept some of the variants, else null. `jobId` is the daemon's name of it; `results` a number.
 */
export class EditTask {
  /**
   * @param {Retouch} retouch the daemon.
   * @param {Snapshot} snapshot what was read of the document.
   * @param {object} choices what to do.
   * @param {object} told `onProgress`, `onPreview`, `onResult`: of `edit_events.js`; `onEnd`: this
   *   task, exactly once, after everything else. Callbacks may be async; they are waited for.
   * @param {boolean} replaceGroup whether earlier jobs of the same group are cancelled.
   */
  constructor(retouch, snapshot, choices, told = {}, replaceGroup = false) {
    const begin = (keep) => prepare(snapshot, choices, keep);
    Object.assign(this, { state: "new", error: null, jobId: "", results: 0, finished: null });
    this._given = { retouch, crop: snapshot.crop, begin, told, replaceGroup };
    this._stop = new Stop();
    this._bar = new ProgressBar();
    this._seen = new Set();
    this._reported = 0;
    this._clientJobId = "";
  }

  /** Return a task for a request that is ready: a replay on pixels that are uploaded. */
  static ofRequest(retouch, request, crop, told = {}, replaceGroup = false) {
    const task = new EditTask(retouch, { crop }, {}, told, replaceGroup);
    task._given.begin = async () => request;
    return task;
  }

  /** Begin; return the task itself, whose `finished` is a promise of the task. */
  start() {
    this.finished ??= this._run();
    return this;
  }

  /** Stop exactly this job; returns at once. Harmless when it is over. */
  cancel() {
    this._stop.set();
  }

  async _run() {
    this.state = "running";
    let ended = "failed";
    try {
      await this._work();
      ended = "done";
    } catch (problem) {
      ended = problem instanceof Stopped || problem instanceof Cancelled ? "cancelled" : "failed";
      this.error = problem instanceof Stopped ? null : errorOf(problem);
      if (problem instanceof Stopped) await this._cancelInDaemon();
    }
    this.state = ended;
    await this._given.told.onEnd?.(this);
    return this;
  }

  async _work() {
    const { retouch, told } = this._given;
    const request = await this._given.begin((data) => this._kept(data));
    this.jobId = await this._submitted(request);
    let refused = null;
    for await (const event of retouch.watch(this.jobId, 0, this._stop)) {
      const problem = errorOfEvent(event);
      if (problem instanceof Blocked) refused = problem;
      else if (problem) throw problem;
      else await this._take(event);
      if (event.done) {
        this.error = refused;
        if (refused && !event.done.released) throw refused;
        await told.onProgress?.({ share: 1, words: "Done", remaining: 0 });
        return;
      }
    }
    if (this._stop.isSet) throw new Stopped("stopped");
    throw new Lost("The edit ended without a word. Fix: look in the history, or edit again.");
  }

  async _kept(data) {
    if (this._stop.isSet) throw new Stopped("stopped");
    await this._report(this._bar.uploaded(0, data.length));
    const { retouch } = this._given;
    return retouch.patiently(() => retouch.put(data), this._stop);
  }

  async _submitted(request) {
    const { retouch, replaceGroup, begin } = this._given;
    const submit = (asked) =>
      retouch.patiently(() => retouch.submit(asked, replaceGroup), this._stop);
    this._clientJobId = request.clientJobId;
    try {
      return (await submit(request)).jobId;
    } catch (problem) {
      const lost = problem.code === "invalid_image" && problem.fieldPath?.endsWith("sha256");
      if (!lost) throw problem;
      const again = await begin((data) => this._kept(data)); // the daemon has lost them meanwhile
      return (await submit({ ...again, clientJobId: this._clientJobId })).jobId;
    }
  }

  async _take(event) {
    const { retouch, crop, told } = this._given;
    const fetchBlob = (sha256) => retouch.get(sha256);
    if (event.preview && told.onPreview) {
      try {
        await told.onPreview(await readPreview(event, crop, fetchBlob));
      } catch (problem) {
        if (!(problem instanceof RetouchError)) throw problem;
        return; // a look that cannot be had is no fault of the edit
      }
    } else if (event.result) await this._takeResult(event, fetchBlob);
    const progress = this._bar.take(event);
    if (progress) await this._report(progress, progress.share === null);
  }

  async _takeResult(event, fetchBlob) {
    const { retouch, crop, told } = this._given;
    const variant = event.result.variant ?? 0;
    if (this._seen.has(variant)) return;
    const read = () => readResult(event, crop, fetchBlob);
    const result = await retouch.patiently(read, this._stop);
    this._seen.add(variant);
    this.results += 1;
    await told.onResult?.(result);
  }

  async _report(progress, atOnce = false) {
    const now = Date.now();
    if (!atOnce && now - this._reported < PAUSE) return;
    this._reported = now;
    await this._given.told.onProgress?.(progress);
  }

  /** Tell the daemon, too; where it is gone meanwhile, the job may end by itself. */
  async _cancelInDaemon() {
    const { retouch } = this._given;
    if (!this._clientJobId) return;
    const cancel = async () => {
      if (!this.jobId) {
        const mine = await retouch.jobs();
        this.jobId = mine.find((each) => each.clientJobId === this._clientJobId)?.jobId ?? "";
      }
      if (this.jobId) await retouch.cancel([this.jobId]);
    };
    await retouch.patiently(cancel, new Stop(), FAREWELL).catch(() => {});
  }
}

function errorOf(problem) {
  if (problem instanceof RetouchError) return problem;
  if (problem instanceof RangeError) {
    return new Failed(problem.message, { code: "invalid_request" });
  }
  const words = `The plugin failed: ${problem.name}: ${problem.message}`;
  const fix = "try again; report it if it stays";
  return new Failed(`${words}. Fix: ${fix}.`, { code: "internal", fix });
}
