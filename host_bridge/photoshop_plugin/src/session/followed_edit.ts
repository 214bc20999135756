/** Following an edit that was begun before: the same as `edit_task.js`, from the job on. */

import { ProgressBar, readPreview, readResult } from "@kit/edit_events.js";
import { Blocked, Cancelled, Failed, RetouchError, errorOfEvent } from "@kit/failures.js";
import { Stop, Stopped } from "@kit/patience.js";
import type { EditResult, JobEvent, Preview, Progress, Rect, Retouch } from "../kit_types.ts";

export interface Told {
  onProgress(progress: Progress): void | Promise<void>;
  onPreview(preview: Preview): void | Promise<void>;
  onResult(result: EditResult): void | Promise<void>;
  onEnd(ended: Ended): void | Promise<void>;
}

/** How an edit ended: state is "done", "failed" or "cancelled". */
export interface Ended {
  state: string;
  error: Error | null;
  jobId: string;
}

export class FollowedEdit implements Ended {
  state = "running";
  error: Error | null = null;
  private readonly stop = new Stop();

  constructor(
    private readonly retouch: Retouch,
    readonly jobId: string,
    private readonly crop: Rect,
    private readonly told: Told,
  ) {}

  start(): this {
    void this.run();
    return this;
  }

  /** Stop exactly this job; returns at once. */
  cancel(): void {
    this.stop.set();
  }

  private async run(): Promise<void> {
    try {
      await this.follow();
      this.state = "done";
    } catch (problem) {
      const ended = problem instanceof Stopped || problem instanceof Cancelled;
      this.state = ended ? "cancelled" : "failed";
      if (problem instanceof Stopped) await this.cancelInDaemon();
      else if (!ended) this.error = errorOf(problem);
    }
    await this.told.onEnd(this);
  }

  private async follow(): Promise<void> {
    const bar = new ProgressBar();
    for await (const event of this.retouch.watch(this.jobId, 0, this.stop)) {
      const problem = errorOfEvent(event);
      if (problem instanceof Blocked) this.error = problem;
      else if (problem) throw problem;
      else await this.take(event as JobEvent);
      const progress = bar.take(event) as Progress | null;
      if (progress) await this.told.onProgress(progress);
      if (event.done && this.error && !event.done.released) throw this.error;
    }
    if (this.stop.isSet) throw new Stopped("stopped");
  }

  private async take(event: JobEvent): Promise<void> {
    const fetchBlob = (sha256: string) => this.retouch.get(sha256);
    if (event.preview) {
      const preview = await readPreview(event, this.crop, fetchBlob).catch(() => null);
      if (preview) await this.told.onPreview(preview as unknown as Preview);
    } else if (event.result) {
      const read = () => readResult(event, this.crop, fetchBlob);
      const result = await this.retouch.patiently(read, this.stop);
      await this.told.onResult(result as EditResult);
    }
  }

  private async cancelInDaemon(): Promise<void> {
    await this.retouch.cancel([this.jobId]).catch(() => {});
  }
}

function errorOf(problem: unknown): Error {
  if (problem instanceof RetouchError) return problem;
  const words = problem instanceof Error ? problem.message : String(problem);
  return new Failed(`The plugin failed (${words}). Fix: try again; report it if it stays.`);
}
