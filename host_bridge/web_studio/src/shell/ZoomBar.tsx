import { Icon } from "../icons/Icon.tsx";
import { picture } from "../session/document.ts";
import { fit, view, zoomStep, zoomTo } from "../stage/view.ts";

export function ZoomBar() {
  const open = picture.value;
  if (!open) return null;
  return (
    <div class="zoom" data-overlay role="group" aria-label="Zoom">
      <button
        type="button"
        class="tool small"
        aria-label="Zoom out"
        title="Zoom out (-)"
        onClick={() => zoomStep(-1, open)}
      >
        <Icon name="minus" />
      </button>
      <button
        type="button"
        class="zoom-number number"
        title="100 % (1)"
        aria-label={`Zoom ${percent()} percent; press for 100`}
        onClick={() => zoomTo(1, open)}
      >
        {percent()} %
      </button>
      <button
        type="button"
        class="tool small"
        aria-label="Zoom in"
        title="Zoom in (+)"
        onClick={() => zoomStep(1, open)}
      >
        <Icon name="plus" />
      </button>
      <button
        type="button"
        class="tool small"
        aria-label="Fit the window"
        title="Fit the window (0)"
        onClick={() => fit(open)}
      >
        <Icon name="fit" />
      </button>
    </div>
  );
}

function percent(): number {
  const value = view.value.scale * 100;
  return value < 10 ? Math.round(value * 10) / 10 : Math.round(value);
}
