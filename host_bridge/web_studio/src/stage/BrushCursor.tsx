import { brush, paints, tool } from "../session/tools.ts";
import { pointer, spaceHeld } from "./pointer_state.ts";
import { view } from "./view.ts";

/** The brush's size under the pointer; the inner ring is where it is at full strength. */
export function BrushCursor() {
  const at = pointer.value;
  if (!at || !paints.value || spaceHeld.value) return null;
  const { size, hardness } = brush.value;
  const across = Math.max(4, size * view.value.scale);
  const style = {
    width: `${across}px`,
    height: `${across}px`,
    transform: `translate(${at.x - across / 2}px, ${at.y - across / 2}px)`,
  };
  return (
    <div class="brush-cursor" data-tool={tool.value} style={style} aria-hidden="true">
      {hardness < 0.95 && across > 24 && (
        <i style={{ width: `${hardness * 100}%`, height: `${hardness * 100}%` }} />
      )}
    </div>
  );
}
