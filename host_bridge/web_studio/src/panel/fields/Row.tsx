import { useId } from "preact/hooks";
import type { ComponentChildren } from "preact";

interface RowProps {
  label: string;
  help?: string;
  /** The control below its label, over the whole width. */
  stacked?: boolean;
  children: (id: string) => ComponentChildren;
}

/** A label and its control. */
export function Row({ label, help, stacked, children }: RowProps) {
  const id = useId();
  return (
    <div class="row" data-stacked={stacked ? "" : undefined}>
      <label for={id} title={help}>
        {label}
      </label>
      {children(id)}
    </div>
  );
}
