import { useEffect } from "preact/hooks";
import { Icon } from "../icons/Icon.tsx";
import { titleOf } from "../panel/form.ts";
import { run } from "../session/edit_run.ts";
import { type Entry, history, historyLoading, loadHistory } from "../session/history.ts";
import { fail } from "../session/notices.ts";
import { saveRecipe } from "../session/recipe_files.ts";
import { replay, showEntry } from "../session/start_edit.ts";
import { takeSettings } from "../session/take_settings.ts";
import { panelTab, useRecipe } from "../shell/commands.ts";

/** Finished edits, newest first; the daemon keeps them when the page is closed. */
export function HistoryList() {
  useEffect(() => {
    loadHistory().catch(fail);
  }, []);
  const entries = history.value;
  return (
    <>
      {entries.length === 0 ? (
        <p class="history-empty">
          {historyLoading.value
            ? "Reading the history"
            : "What you generate is listed here, with everything needed to make it again."}
        </p>
      ) : (
        <ol class="history" data-scrolls aria-label="History">
          {entries.map((entry) => (
            <HistoryEntry key={entry.jobId} entry={entry} />
          ))}
        </ol>
      )}
      <RecipeButton />
    </>
  );
}

/** Asks for a recipe, and the pictures that it names. */
function RecipeButton() {
  return (
    <label class="history-recipe" title="A recipe of retouch batch, with the pictures it names">
      <span class="link">Open a recipe</span>
      <input
        type="file"
        class="unseen"
        accept=".json,.yaml,.yml,image/*"
        multiple
        aria-label="Open a recipe and its pictures"
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = "";
          void useRecipe(files);
        }}
      />
    </label>
  );
}

function HistoryEntry({ entry }: { entry: Entry }) {
  const title = entry.prompt || "Without a prompt";
  return (
    <li class="history-entry" data-job={entry.jobId}>
      <button
        type="button"
        class="history-picture"
        aria-label={`Show ${title}`}
        onClick={() => void showEntry(entry)}
      >
        {entry.thumbnail ? <img src={entry.thumbnail} alt="" /> : <Icon name="picture" />}
        {entry.results.length > 1 && <span class="badge number">{entry.results.length}</span>}
      </button>
      <div class="history-words">
        <p class="history-title">{title}</p>
        <p class="faint">{entry.operations.map(titleOf).join(" + ") || "Plain"}</p>
        <p class="faint number">
          <time dateTime={entry.when.toISOString()}>{clock(entry.when)}</time> · {entry.model} ·
          seed {entry.results[0]?.seed ?? "0"}
        </p>
        <div class="history-acts">
          <button
            type="button"
            class="link"
            disabled={run.value !== null}
            onClick={() => replay(entry)}
          >
            Replay
          </button>
          <button
            type="button"
            class="link"
            onClick={() => {
              void takeSettings(entry);
              panelTab.value = "edit";
            }}
          >
            Use settings
          </button>
          <button
            type="button"
            class="link"
            title="As a file, for many pictures: retouch batch"
            onClick={() => void saveRecipe(entry).catch(fail)}
          >
            Save recipe
          </button>
        </div>
      </div>
    </li>
  );
}

function clock(when: Date): string {
  const today = new Date().toDateString() === when.toDateString();
  return when.toLocaleString(
    undefined,
    today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" },
  );
}
