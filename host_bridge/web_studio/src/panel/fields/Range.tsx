import { useId } from "preact/hooks";
import { clamp } from "../../mask/rect.ts";

interface RangeProps {
  label: string;
  value: number;
  low: number;
  high: number;
  step: number;
  unit?: string;
  /** Above 1 gives small values more of the slider's length. */
  curve?: number;
  help?: string;
  /** Whether the value is the default, not a choice. */
  unset?: boolean;
  onChange: (value: number) => void;
}

const FINE = 1000;

/** A slider with its number beside it. */
export function Range({
  label,
  value,
  low,
  high,
  step,
  unit,
  curve = 1,
  help,
  unset,
  onChange,
}: RangeProps) {
  const id = useId();
  const share = ((clamp(value, low, high) - low) / (high - low)) ** (1 / curve);
  const slid = (position: number) => {
    const raw = low + (high - low) * (position / FINE) ** curve;
    onChange(rounded(clamp(Math.round(raw / step) * step, low, high)));
  };
  return (
    <div class="range" data-unset={unset ? "" : undefined}>
      <label for={id} title={help}>
        {label}
      </label>
      <input
        class="slider"
        type="range"
        min={0}
        max={FINE}
        step={1}
        value={Math.round(share * FINE)}
        style={{ "--fill": `${share * 100}%` }}
        aria-label={label}
        aria-valuetext={`${value} ${unit ?? ""}`.trim()}
        onInput={(event) => slid(event.currentTarget.valueAsNumber)}
        onKeyDown={(event) => {
          const direction = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
          if (!direction) return;
          event.preventDefault();
          onChange(rounded(clamp(value + direction * step * (event.shiftKey ? 10 : 1), low, high)));
        }}
      />
      <span class="number-unit">
        <input
          id={id}
          class="text number-box"
          type="number"
          min={low}
          max={high}
          step={step}
          value={value}
          onChange={(event) => {
            const typed = event.currentTarget.valueAsNumber;
            onChange(Number.isFinite(typed) ? clamp(typed, low, high) : value);
          }}
        />
        {unit && <span aria-hidden="true">{unit}</span>}
      </span>
    </div>
  );
}

/** Without the dust of binary fractions. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
