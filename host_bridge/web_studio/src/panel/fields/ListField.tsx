import type { FieldProps } from "./FieldRow.tsx";
import { Row } from "./Row.tsx";

/** Several numbers or texts, with commas between them. */
export function ListField({ field, value, onChange }: FieldProps) {
  const shown = Array.isArray(value) ? value.join(", ") : "";
  const read = (text: string) => {
    const parts = text
      .split(",")
      .map((part) => part.trim())
      .filter(Boolean);
    const items = field.kind === "text" ? parts : parts.map(Number).filter(Number.isFinite);
    onChange(items.length > 0 ? items : undefined);
  };
  return (
    <Row label={field.label} help={field.help} stacked>
      {(id) => (
        <input
          id={id}
          class="text"
          value={shown}
          placeholder={field.kind === "text" ? "house, roof" : "1, 0.5"}
          onChange={(event) => read(event.currentTarget.value)}
        />
      )}
    </Row>
  );
}
