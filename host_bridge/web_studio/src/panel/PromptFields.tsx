import { useState } from "preact/hooks";
import { catalog } from "../session/catalog.ts";
import { active, negative, prompt } from "../session/choices.ts";

export function PromptFields() {
  const [avoids, setAvoids] = useState(negative.value !== "");
  const most = catalog.value?.limits?.promptCharacters ?? 2000;
  const instructs = active.value.has("instruct_pix2pix");
  return (
    <section class="prompts" aria-label="Prompt">
      <label class="label" for="prompt">
        {instructs ? "Instruction" : "Prompt"}
      </label>
      <textarea
        id="prompt"
        class="area"
        rows={3}
        maxLength={most}
        value={prompt.value}
        spellcheck
        placeholder={instructs ? "Make it night" : "What the picture should show"}
        onInput={(event) => (prompt.value = event.currentTarget.value)}
      />
      {avoids ? (
        <>
          <label class="label" for="negative">
            Avoid
          </label>
          <textarea
            id="negative"
            class="area"
            rows={1}
            maxLength={most}
            value={negative.value}
            placeholder="What it should not show"
            onInput={(event) => (negative.value = event.currentTarget.value)}
          />
        </>
      ) : (
        <button type="button" class="link" onClick={() => openNegative(setAvoids)}>
          Add what to avoid
        </button>
      )}
    </section>
  );
}

function openNegative(setAvoids: (open: boolean) => void): void {
  setAvoids(true);
  requestAnimationFrame(() => document.getElementById("negative")?.focus());
}
