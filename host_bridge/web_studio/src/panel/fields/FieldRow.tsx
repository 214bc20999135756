import { catalog } from "../../session/catalog.ts";
import type { Field } from "../form.ts";
import { ListField } from "./ListField.tsx";
import { PictureField } from "./PictureField.tsx";
import { Range } from "./Range.tsx";
import { Row } from "./Row.tsx";
import { WordsField } from "./WordsField.tsx";

export interface FieldProps {
  readonly field: Field;
  /** undefined = the default. */
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
}

/** A field of an operation, drawn by its kind. */
export function FieldRow(props: FieldProps) {
  const { field } = props;
  if (field.kind === "picture") return <PictureField {...props} />;
  if (field.kind === "words") return <WordsField {...props} />;
  if (field.kind === "bool" || field.kind === "mask") return <Switch {...props} />;
  if (field.kind === "choice" || field.kind === "model") return <Choice {...props} />;
  if (field.several) return <ListField {...props} />;
  if (field.kind === "text") return <Text {...props} />;
  return <NumberRow {...props} />;
}

function NumberRow({ field, value, onChange }: FieldProps) {
  const { low, high, label, help } = field;
  const step = field.step ?? (field.kind === "integer" ? 1 : 0.01);
  const now = value ?? field.default;
  if (low === null || high === null || now === null || now === undefined) {
    return (
      <Row label={label} help={help}>
        {(id) => (
          <input
            id={id}
            class="text number-box wide"
            type="number"
            step={step}
            placeholder="auto"
            min={low ?? undefined}
            max={high ?? undefined}
            value={value === undefined ? "" : Number(value)}
            onChange={(event) => {
              const typed = event.currentTarget.valueAsNumber;
              onChange(Number.isFinite(typed) ? typed : undefined);
            }}
          />
        )}
      </Row>
    );
  }
  return (
    <Range
      label={label}
      help={help}
      low={low}
      high={high}
      step={step}
      value={Number(now)}
      unit={field.unit === "px" ? "px" : ""}
      unset={value === undefined}
      onChange={(next) => onChange(next === field.default ? undefined : next)}
    />
  );
}

function Switch({ field, value, onChange }: FieldProps) {
  const now = Boolean(value ?? field.default);
  return (
    <Row label={field.kind === "mask" ? "Only inside the mask" : field.label} help={field.help}>
      {(id) => (
        <button
          type="button"
          id={id}
          role="switch"
          class="switch"
          aria-checked={now}
          aria-label={field.label}
          onClick={() => onChange(!now)}
        />
      )}
    </Row>
  );
}

function Choice({ field, value, onChange }: FieldProps) {
  const now = String(value ?? field.default ?? "");
  const words = field.kind === "model" ? ["", ...modelNames(field)] : field.choices;
  return (
    <Row label={field.label} help={field.help}>
      {(id) => (
        <select
          id={id}
          class="select"
          value={now}
          onChange={(event) => onChange(event.currentTarget.value || undefined)}
        >
          {words.map((word) => (
            <option key={word} value={word}>
              {word ? word.replaceAll("_", " ") : "Automatic"}
            </option>
          ))}
        </select>
      )}
    </Row>
  );
}

function modelNames(field: Field): readonly string[] {
  if (field.choices.length > 0) return field.choices;
  return (catalog.value?.models ?? []).map((model) => model.name);
}

function Text({ field, value, onChange }: FieldProps) {
  return (
    <Row label={field.label} help={field.help} stacked>
      {(id) => (
        <textarea
          id={id}
          class="area"
          rows={1}
          value={String(value ?? "")}
          placeholder={String(field.default || field.help)}
          required={field.required}
          onInput={(event) => onChange(event.currentTarget.value || undefined)}
        />
      )}
    </Row>
  );
}
