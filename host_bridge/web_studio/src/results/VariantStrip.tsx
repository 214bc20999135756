import type { ComponentChildren } from "preact";
import { Icon } from "../icons/Icon.tsx";
import { picture } from "../session/document.ts";
import { previews, run } from "../session/edit_run.ts";
import { choose, chosen, slots, type Variant, variant } from "../session/results.ts";
import { keepVariant } from "../session/start_edit.ts";
import { stepVariant } from "../shell/commands.ts";
import { Thumbnail } from "./Thumbnail.tsx";
import { TrustLine } from "./TrustLine.tsx";

/** The original and its variants, to flip through. */
export function VariantStrip() {
  const open = picture.value;
  const found = slots.value;
  if (!open || found.length === 0) return null;
  return (
    <section class="strip" aria-label="Variants">
      <div
        class="strip-tiles"
        role="listbox"
        aria-label="Variants"
        aria-orientation="horizontal"
        tabIndex={0}
        aria-activedescendant={`variant-${chosen.value}`}
        onKeyDown={arrows}
      >
        <Tile index={-1} label="Original">
          <Thumbnail source={open.shown} />
        </Tile>
        {found.map((each, index) =>
          each ? (
            <Made key={each.sha256} index={index} variant={each} />
          ) : (
            <Making key={index} index={index} />
          ),
        )}
      </div>
      <Side />
      <button
        type="button"
        class="button"
        id="keep"
        disabled={!variant.value || run.value !== null}
        title="Go on from this variant (Ctrl+K)"
        onClick={() => void keepVariant()}
      >
        <Icon name="keep" />
        Keep
      </button>
    </section>
  );
}

function Made({ index, variant: made }: { index: number; variant: Variant }) {
  return (
    <Tile index={index} label={`Variant ${index + 1}, seed ${made.seed}`}>
      {made.shown ? (
        <Thumbnail source={made.shown} />
      ) : (
        <span class="tile-words">{made.file.type}</span>
      )}
    </Tile>
  );
}

function Making({ index }: { index: number }) {
  const preview = previews.value.get(index);
  const under = picture.value?.shown;
  return (
    <Tile index={index} label={`Variant ${index + 1}, in the making`} waiting>
      {preview && under ? (
        <Thumbnail source={under} over={preview} />
      ) : (
        <span class="tile-words number">{index + 1}</span>
      )}
    </Tile>
  );
}

/** What is known of the chosen one. */
function Side() {
  const shown = variant.value;
  if (!shown) {
    const making = chosen.value >= 0;
    return (
      <div class="strip-side">
        <p class="faint">
          {making ? `Variant ${chosen.value + 1}, in the making` : "The original"}
        </p>
      </div>
    );
  }
  return (
    <div class="strip-side">
      <p class="strip-title">
        <strong>Variant {chosen.value + 1}</strong>
        <span class="faint number">Seed {shown.seed}</span>
        {shown.rankScore !== undefined && (
          <span class="faint number">Rank {shown.rankScore.toFixed(3)}</span>
        )}
      </p>
      <TrustLine key={shown.sha256} variant={shown} />
    </div>
  );
}

interface TileProps {
  index: number;
  label: string;
  waiting?: boolean;
  children: ComponentChildren;
}

function Tile({ index, label, waiting, children }: TileProps) {
  return (
    <div
      class="tile"
      id={`variant-${index}`}
      role="option"
      data-waiting={waiting ? "" : undefined}
      aria-selected={chosen.value === index}
      aria-label={label}
      title={label}
      onClick={() => choose(index)}
    >
      {children}
    </div>
  );
}

function arrows(event: KeyboardEvent): void {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step) stepVariant(step as 1 | -1);
  else if (event.key === "Home") choose(-1);
  else if (event.key === "End") choose(slots.value.length - 1);
  else return;
  event.preventDefault();
}
