import { useId, useState } from "preact/hooks";
import { Icon } from "../icons/Icon.tsx";
import { active, parameters, setParameter, switchOperation } from "../session/choices.ts";
import { maskExtent } from "../session/mask.ts";
import { FieldRow } from "./fields/FieldRow.tsx";
import type { Field, OperationForm } from "./form.ts";

/** One operation: a switch, and its parameters while it is on. */
export function OperationCard({ form }: { form: OperationForm }) {
  const id = useId();
  const on = active.value.has(form.name);
  const atOnce = form.fields.some((field) => field.simple)
    ? (field: Field) => field.simple
    : () => true;
  const simple = form.fields.filter(atOnce);
  const more = form.fields.filter((field) => !atOnce(field));
  return (
    <li class="operation" data-operation={form.name} data-on={on ? "" : undefined}>
      <div
        class="operation-head"
        onClick={(event) => event.target === event.currentTarget && switchOperation(form.name, !on)}
      >
        <label for={id} title={form.summary}>
          <span class="operation-title">{form.title}</span>
          <span class="operation-name">{form.name}</span>
        </label>
        <button
          type="button"
          id={id}
          role="switch"
          class="switch"
          aria-checked={on}
          aria-label={form.title}
          aria-description={form.summary}
          onClick={() => switchOperation(form.name, !on)}
        />
      </div>
      {on && (
        <div class="operation-body">
          <p class="summary">{form.summary}.</p>
          {form.name === "soft_mask" && !maskExtent.value && (
            <p class="hint-line">Paint a mask, or use the rectangle.</p>
          )}
          <Fields form={form} fields={simple} />
          {more.length > 0 && <More form={form} fields={more} />}
        </div>
      )}
    </li>
  );
}

function More({ form, fields }: { form: OperationForm; fields: readonly Field[] }) {
  const [open, setOpen] = useState(false);
  const changed = fields.filter(
    (field) => parameters.value[form.name]?.[field.name] !== undefined,
  ).length;
  return (
    <div class="more">
      <button type="button" class="disclosure" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name="chevron" />
        More{changed > 0 && <span class="faint">{changed} set</span>}
      </button>
      {open && <Fields form={form} fields={fields} />}
    </div>
  );
}

function Fields({ form, fields }: { form: OperationForm; fields: readonly Field[] }) {
  return (
    <>
      {fields.map((field) => (
        <FieldRow
          key={field.key}
          field={field}
          value={parameters.value[form.name]?.[field.name]}
          onChange={(value) => setParameter(form.name, field.name, value)}
        />
      ))}
    </>
  );
}
