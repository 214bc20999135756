import { comparing } from "../session/results.ts";
import { clamp } from "../mask/rect.ts";
import { type Area, view } from "./view.ts";

/** The line between before and after: drag it, or move it with the arrow keys. */
export function CompareLine({ picture }: { picture: Area }) {
  const { scale, x, y } = view.value;
  const share = comparing.value ?? 0.5;
  const width = picture.width * scale;
  const move = (event: PointerEvent) => {
    if (!(event.buttons & 1)) return;
    const box = (event.currentTarget as HTMLElement).parentElement?.getBoundingClientRect();
    if (box) comparing.value = clamp((event.clientX - box.left - x) / width, 0, 1);
  };
  const key = (event: KeyboardEvent) => {
    const step = event.shiftKey ? 0.1 : 0.02;
    const next = { ArrowLeft: share - step, ArrowRight: share + step, Home: 0, End: 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    comparing.value = clamp(next, 0, 1);
  };
  return (
    <>
      <span class="compare-label" style={{ left: `${x + 10}px`, top: `${y + 10}px` }}>
        Before
      </span>
      <span class="compare-label after" style={{ left: `${x + width - 10}px`, top: `${y + 10}px` }}>
        After
      </span>
      <div
        class="compare-line"
        data-overlay
        role="slider"
        tabIndex={0}
        aria-label="Before and after"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
        aria-valuetext={`${Math.round(share * 100)} percent before`}
        style={{
          left: `${x + width * share}px`,
          top: `${y}px`,
          height: `${picture.height * scale}px`,
        }}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={move}
        onKeyDown={key}
      >
        <i aria-hidden="true" />
      </div>
    </>
  );
}
