import { picture } from "../session/document.ts";
import { cancelRun, progress, run } from "../session/edit_run.ts";
import { timeLeft } from "../session/progress.ts";
import { startEdit } from "../session/start_edit.ts";
import { keyNames } from "../shell/keyboard.ts";

/** The one button that matters, and how far it is. */
export function GenerateBar() {
  const now = progress.value;
  if (!run.value || !now) {
    return (
      <div class="generate">
        <button
          type="button"
          id="generate"
          class="button primary large"
          disabled={!picture.value}
          onClick={startEdit}
        >
          Generate
          <span class="keys" aria-hidden="true">
            {keyNames("Mod+Enter").join(" ")}
          </span>
        </button>
      </div>
    );
  }
  const percent = now.share === null ? null : Math.round(now.share * 100);
  return (
    <div class="generate" data-running>
      <div
        class="progress"
        role="progressbar"
        aria-label="Edit"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent ?? undefined}
        aria-valuetext={`${now.words} ${timeLeft(now.remaining)}`}
        data-unknown={percent === null ? "" : undefined}
      >
        <i style={{ width: `${percent ?? 0}%` }} />
      </div>
      <div class="progress-words">
        <span id="progress-words">{now.words}</span>
        <span class="number faint">{timeLeft(now.remaining)}</span>
        <button
          type="button"
          id="cancel"
          class="button"
          disabled={run.value.cancelled}
          onClick={cancelRun}
        >
          Cancel
        </button>
      </div>
    </div>
  );
}
