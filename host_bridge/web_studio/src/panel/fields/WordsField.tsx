import { useState } from "preact/hooks";
import { Icon } from "../../icons/Icon.tsx";
import { prompt } from "../../session/choices.ts";
import type { FieldProps } from "./FieldRow.tsx";

/** Words of the prompt, each with a number. */
export function WordsField({ field, value, onChange }: FieldProps) {
  const weights = (value ?? {}) as Record<string, number>;
  const [typed, setTyped] = useState("");
  const set = (word: string, weight: number | null) => {
    const next = { ...weights };
    if (weight === null) delete next[word];
    else next[word] = weight;
    onChange(Object.keys(next).length > 0 ? next : undefined);
  };
  const add = () => {
    const word = typed.trim();
    if (word) set(word, weights[word] ?? 2);
    setTyped("");
  };
  const offered = [
    ...new Set(
      prompt.value
        .split(/[^\p{L}\p{N}'-]+/u)
        .filter((word) => word.length > 2 && !(word in weights)),
    ),
  ];
  return (
    <fieldset class="words">
      <legend title={field.help}>{field.label}</legend>
      {Object.entries(weights).map(([word, weight]) => (
        <div class="word" key={word}>
          <span>{word}</span>
          <input
            class="text number-box"
            type="number"
            step={0.1}
            min={field.low ?? undefined}
            max={field.high ?? undefined}
            aria-label={`Weight of ${word}`}
            value={weight}
            onChange={(event) => set(word, event.currentTarget.valueAsNumber || 0)}
          />
          <button
            type="button"
            class="tool small"
            aria-label={`Remove ${word}`}
            onClick={() => set(word, null)}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
      <div class="word-add">
        <input
          class="text"
          list={`${field.key}-offered`}
          placeholder="Word of the prompt"
          aria-label="Word to weigh"
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
            event.preventDefault();
            add();
          }}
        />
        <datalist id={`${field.key}-offered`}>
          {offered.map((word) => (
            <option key={word} value={word} />
          ))}
        </datalist>
        <button type="button" class="button plain" disabled={!typed.trim()} onClick={add}>
          Add
        </button>
      </div>
    </fieldset>
  );
}
