import { active } from "../session/choices.ts";
import { baseModels } from "../session/catalog.ts";
import * as choices from "../session/choices.ts";
import { useTool } from "../shell/commands.ts";
import { picture } from "../session/document.ts";
import { maskExtent } from "../session/mask.ts";
import { tool } from "../session/tools.ts";
import type { Mode } from "./form.ts";

const MASK = "soft_mask";

/** Starting points: each switches on the operations that it is made of. */
export function ModeChips({ modes }: { modes: readonly Mode[] }) {
  return (
    <div class="modes" role="group" aria-label="What to do">
      {modes.map((mode) => (
        <button
          type="button"
          key={mode.name}
          class="chip"
          data-mode={mode.name}
          aria-pressed={isOn(mode)}
          disabled={mode.missing !== ""}
          title={mode.missing || mode.help}
          onClick={() => begin(mode)}
        >
          {mode.title.split(" ")[0]}
        </button>
      ))}
    </div>
  );
}

function isOn(mode: Mode): boolean {
  if (mode.needs.includes("sides")) return tool.value === "expand";
  const on = [...active.value].filter((name) => name !== MASK || mode.operations.includes(MASK));
  return on.length === mode.operations.length && mode.operations.every((name) => on.includes(name));
}

function begin(mode: Mode): void {
  active.value = new Set(maskExtent.value ? [MASK, ...mode.operations] : mode.operations);
  const instructs = mode.operations.includes("instruct_pix2pix");
  const chosen = baseModels.value.find((model) => model.name === choices.model.value);
  if (chosen?.followsInstructions === true && !instructs) choices.model.value = "";
  if (mode.needs.includes("sides") && picture.value) useTool("expand");
  else if (mode.needs.includes("selection") && picture.value) useTool("brush");
}
