import { useRef } from "preact/hooks";
import { setSide, type Sides, sides } from "../session/expand.ts";
import { type Area, view } from "./view.ts";

const EDGES: readonly (keyof Sides)[] = ["left", "top", "right", "bottom"];

/** The canvas as it will be: drag its edges outwards. */
export function ExpandFrame({ picture }: { picture: Area }) {
  const { scale, x, y } = view.value;
  const { left, top, right, bottom } = sides.value;
  const added = [top, right, bottom, left].map((side) => `${side * scale}px`);
  const style = {
    left: `${x - left * scale}px`,
    top: `${y - top * scale}px`,
    width: `${(left + picture.width + right) * scale}px`,
    height: `${(top + picture.height + bottom) * scale}px`,
  };
  return (
    <>
      <div class="expand-frame" style={{ ...style, borderWidth: added.join(" ") }} />
      <div class="expand-edges" style={style}>
        <span class="number">
          {left + picture.width + right} × {top + picture.height + bottom}
        </span>
        {EDGES.map((side) => (
          <Edge key={side} side={side} />
        ))}
      </div>
    </>
  );
}

function Edge({ side }: { side: keyof Sides }) {
  const start = useRef<{ at: number; pixels: number } | null>(null);
  const across = side === "left" || side === "right";
  const outwards = side === "left" || side === "top" ? -1 : 1;
  const place = (event: PointerEvent) => (across ? event.clientX : event.clientY);
  const key = (event: KeyboardEvent) => {
    const step = event.shiftKey ? 64 : 8;
    const direction = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!direction) return;
    event.preventDefault();
    event.stopPropagation();
    setSide(side, sides.value[side] + direction * outwards * step);
  };
  return (
    <div
      class="expand-edge"
      data-side={side}
      data-overlay
      role="slider"
      tabIndex={0}
      aria-label={`Pixels to add: ${side}`}
      aria-valuemin={0}
      aria-valuemax={8192}
      aria-valuenow={sides.value[side]}
      onKeyDown={key}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        start.current = { at: place(event), pixels: sides.value[side] };
      }}
      onPointerMove={(event) => {
        if (!start.current || !(event.buttons & 1)) return;
        const moved = ((place(event) - start.current.at) * outwards) / view.value.scale;
        setSide(side, start.current.pixels + moved);
      }}
      onPointerUp={() => {
        start.current = null;
      }}
    />
  );
}
