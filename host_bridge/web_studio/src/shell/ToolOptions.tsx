import { useState } from "preact/hooks";
import { Range } from "../panel/fields/Range.tsx";
import { applyExpansion, expands, NONE, setSide, type Sides, sides } from "../session/expand.ts";
import { fillRectangle, selectAll } from "../session/mask.ts";
import { picture } from "../session/document.ts";
import { brush, changeBrush, tool } from "../session/tools.ts";
import { fitAround } from "../stage/view.ts";
import { useTool } from "./commands.ts";

/** What the chosen tool can be set to, above the picture. */
export function ToolOptions() {
  const name = tool.value;
  return (
    <div class="options" data-overlay role="group" aria-label="Tool options">
      {(name === "brush" || name === "eraser") && <BrushOptions />}
      {name === "rectangle" && <RectangleOptions />}
      {name === "expand" && <ExpandOptions />}
      {name === "hand" && <span class="faint">Drag to move. Wheel or pinch to zoom.</span>}
    </div>
  );
}

function BrushOptions() {
  const { size, hardness, strength } = brush.value;
  return (
    <>
      <Range
        label="Size"
        unit="px"
        value={size}
        low={1}
        high={2000}
        step={1}
        curve={3}
        onChange={(value) => changeBrush({ size: value })}
      />
      <Range
        label="Hardness"
        unit="%"
        value={Math.round(hardness * 100)}
        low={0}
        high={100}
        step={1}
        onChange={(value) => changeBrush({ hardness: value / 100 })}
      />
      <Range
        label="Strength"
        unit="%"
        value={Math.round(strength * 100)}
        low={5}
        high={100}
        step={1}
        onChange={(value) => changeBrush({ strength: value / 100 })}
      />
    </>
  );
}

function RectangleOptions() {
  const open = picture.value;
  const [rect, setRect] = useState({ x: 0, y: 0, width: 128, height: 128 });
  if (!open) return null;
  const add = (erase: boolean) => {
    const x = Math.min(rect.x, open.width);
    const y = Math.min(rect.y, open.height);
    const width = Math.min(rect.width, open.width - x);
    fillRectangle({ x, y, width, height: Math.min(rect.height, open.height - y) }, erase);
  };
  return (
    <>
      <span class="faint hint">Drag to add, Alt to erase, or</span>
      {(["x", "y", "width", "height"] as const).map((name) => (
        <label class="pair" key={name}>
          {{ x: "X", y: "Y", width: "W", height: "H" }[name]}
          <input
            class="text number-box"
            type="number"
            min={0}
            value={rect[name]}
            aria-label={`Rectangle ${name}`}
            onInput={(event) =>
              setRect({
                ...rect,
                [name]: Math.max(0, Math.round(event.currentTarget.valueAsNumber || 0)),
              })
            }
          />
        </label>
      ))}
      <button type="button" class="button plain" onClick={() => add(false)}>
        Add
      </button>
      <button type="button" class="button plain" onClick={() => add(true)}>
        Erase
      </button>
      <button type="button" class="button plain" onClick={selectAll}>
        All
      </button>
    </>
  );
}

function ExpandOptions() {
  const added = sides.value;
  const all = (share: number) => {
    const open = picture.value;
    if (!open) return;
    const [across, down] = [Math.round(open.width * share), Math.round(open.height * share)];
    sides.value = { left: across, right: across, top: down, bottom: down };
    fitAround(open, sides.value);
  };
  return (
    <>
      {(["left", "top", "right", "bottom"] as const).map((name: keyof Sides) => (
        <label class="pair" key={name}>
          {name[0]?.toUpperCase() + name.slice(1)}
          <input
            class="text number-box"
            type="number"
            min={0}
            max={8192}
            value={added[name]}
            onInput={(event) => setSide(name, event.currentTarget.valueAsNumber)}
          />
        </label>
      ))}
      <button type="button" class="button plain" onClick={() => all(0.25)}>
        +25 % all round
      </button>
      <span class="divider" />
      <button
        type="button"
        class="button plain"
        onClick={() => {
          sides.value = NONE;
          useTool("brush");
        }}
      >
        Cancel
      </button>
      <button
        type="button"
        class="button primary"
        disabled={!expands(added)}
        onClick={() => void applyExpansion()}
      >
        Expand
      </button>
    </>
  );
}
