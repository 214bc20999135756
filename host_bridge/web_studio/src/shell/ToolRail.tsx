import { Icon, type IconName } from "../icons/Icon.tsx";
import { picture } from "../session/document.ts";
import { clearMask, invertMask, maskExtent } from "../session/mask.ts";
import { maskShown, tool, type ToolName } from "../session/tools.ts";
import { canRedo, canUndo, redo, undo } from "../session/undo.ts";
import { useTool } from "./commands.ts";

const TOOLS: readonly { name: ToolName; icon: IconName; label: string; key: string }[] = [
  { name: "brush", icon: "brush", label: "Brush", key: "B" },
  { name: "eraser", icon: "eraser", label: "Eraser", key: "E" },
  { name: "rectangle", icon: "rectangle", label: "Rectangle", key: "R" },
  { name: "expand", icon: "expand", label: "Expand the canvas", key: "C" },
  { name: "hand", icon: "hand", label: "Hand", key: "H" },
];

export function ToolRail() {
  const open = picture.value !== null;
  const masked = maskExtent.value !== null;
  return (
    <nav class="rail" aria-label="Tools">
      <div role="radiogroup" aria-label="Tool" onKeyDown={arrows}>
        {TOOLS.map(({ name, icon, label, key }) => (
          <button
            type="button"
            key={name}
            role="radio"
            class="tool"
            data-tool={name}
            aria-checked={open && tool.value === name}
            tabIndex={tool.value === name ? 0 : -1}
            aria-label={label}
            title={`${label} (${key})`}
            disabled={!open}
            onClick={() => useTool(name)}
          >
            <Icon name={icon} />
          </button>
        ))}
      </div>
      <hr />
      <Action
        icon="eye"
        label={maskShown.value ? "Hide the mask" : "Show the mask"}
        hint="M"
        pressed={maskShown.value && masked}
        disabled={!masked}
        act={() => (maskShown.value = !maskShown.value)}
      />
      <Action icon="invert" label="Invert the mask" hint="I" disabled={!open} act={invertMask} />
      <Action
        icon="clear"
        label="Clear the mask"
        hint="Ctrl+D"
        disabled={!masked}
        act={clearMask}
      />
      <hr />
      <Action icon="undo" label="Undo" hint="Ctrl+Z" disabled={!canUndo()} act={undo} />
      <Action icon="redo" label="Redo" hint="Ctrl+Shift+Z" disabled={!canRedo()} act={redo} />
    </nav>
  );
}

interface ActionProps {
  icon: IconName;
  label: string;
  hint: string;
  pressed?: boolean;
  disabled: boolean;
  act: () => void;
}

function Action({ icon, label, hint, pressed, disabled, act }: ActionProps) {
  return (
    <button
      type="button"
      class="tool"
      aria-label={label}
      title={`${label} (${hint})`}
      aria-pressed={pressed}
      disabled={disabled}
      onClick={act}
    >
      <Icon name={icon} />
    </button>
  );
}

function arrows(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const now = TOOLS.findIndex((each) => each.name === tool.value);
  const next = TOOLS[(now + step + TOOLS.length) % TOOLS.length];
  if (!next) return;
  useTool(next.name);
  document.querySelector<HTMLElement>(`.rail [data-tool=${next.name}]`)?.focus();
}
