import { maskExtent } from "../session/mask.ts";
import { feather, grow } from "../session/tools.ts";
import { Range } from "./fields/Range.tsx";

/** The edge of the painted mask, whatever the operations are; not there without a mask. */
export function MaskFields() {
  const extent = maskExtent.value;
  if (!extent) return null;
  return (
    <section aria-labelledby="mask-title">
      <h2 id="mask-title" class="section-title ruled">
        Mask{" "}
        <span class="faint number">
          {extent.width} × {extent.height}
        </span>
      </h2>
      <Range
        label="Feather"
        unit="px"
        value={feather.value}
        low={0}
        high={512}
        step={1}
        curve={2}
        help="How far the mask's edge fades, inwards."
        onChange={(value) => (feather.value = value)}
      />
      <Range
        label="Grow"
        unit="px"
        value={grow.value}
        low={-128}
        high={128}
        step={1}
        help="Makes the mask larger, or smaller where negative."
        onChange={(value) => (grow.value = value)}
      />
    </section>
  );
}
