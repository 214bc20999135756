import { useState } from "preact/hooks";
import { Icon } from "../icons/Icon.tsx";
import { baseModels, catalog } from "../session/catalog.ts";
import {
  count,
  mediaType,
  model,
  previewEvery,
  sampler,
  sampleType,
  seed,
  steps,
} from "../session/choices.ts";
import { Range } from "./fields/Range.tsx";
import { Row } from "./fields/Row.tsx";

const FORMATS = [
  { value: "image/png|", label: "PNG, depth of the source" },
  { value: "image/png|SAMPLE_TYPE_UINT8", label: "PNG, 8 bits" },
  { value: "image/png|SAMPLE_TYPE_UINT16", label: "PNG, 16 bits" },
  { value: "image/jpeg|", label: "JPEG" },
  { value: "image/webp|", label: "WebP" },
] as const;

/** Model, variants, seed, and what few people change. */
export function OutputFields() {
  const [open, setOpen] = useState(false);
  const most = catalog.value?.limits?.variants ?? 16;
  return (
    <section class="output" aria-labelledby="output-title">
      <h2 id="output-title" class="section-title">
        Result
      </h2>
      <Row label="Model">
        {(id) => (
          <select
            id={id}
            class="select"
            value={model.value}
            onChange={(event) => (model.value = event.currentTarget.value)}
          >
            <option value="">Automatic</option>
            {baseModels.value.map((each) => (
              <option key={each.name} value={each.name}>
                {each.name}
              </option>
            ))}
          </select>
        )}
      </Row>
      <Range
        label="Variants"
        value={count.value}
        low={1}
        high={Math.min(8, most)}
        step={1}
        onChange={(value) => (count.value = value)}
      />
      <SeedField />
      <div class="more">
        <button
          type="button"
          class="disclosure"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          <Icon name="chevron" />
          Sampling and format
        </button>
        {open && <RareFields />}
      </div>
    </section>
  );
}

function SeedField() {
  return (
    <Row label="Seed">
      {(id) => (
        <span class="seed">
          <input
            id={id}
            class="text number"
            inputMode="numeric"
            placeholder="random"
            maxLength={19}
            value={seed.value}
            onInput={(event) => {
              seed.value = event.currentTarget.value.replace(/\D/g, "");
              event.currentTarget.value = seed.value;
            }}
          />
          <button
            type="button"
            class="tool small"
            aria-label="Random seed"
            title="Random seed"
            disabled={seed.value === ""}
            onClick={() => (seed.value = "")}
          >
            <Icon name="dice" />
          </button>
        </span>
      )}
    </Row>
  );
}

function RareFields() {
  const most = catalog.value?.limits?.steps ?? 250;
  return (
    <>
      <Row label="Steps">
        {(id) => (
          <input
            id={id}
            class="text number-box wide"
            type="number"
            min={1}
            max={most}
            placeholder="auto"
            value={steps.value ?? ""}
            onChange={(event) => {
              const typed = Math.round(event.currentTarget.valueAsNumber);
              steps.value = Number.isFinite(typed) ? Math.max(1, Math.min(most, typed)) : null;
            }}
          />
        )}
      </Row>
      <Row label="Sampler">
        {(id) => (
          <select
            id={id}
            class="select"
            value={sampler.value}
            onChange={(event) => (sampler.value = event.currentTarget.value)}
          >
            <option value="">Automatic</option>
            {(catalog.value?.samplers ?? []).map((each) => (
              <option key={each.name} value={each.name} title={each.summary}>
                {each.name}
              </option>
            ))}
          </select>
        )}
      </Row>
      <Row label="Preview" help="A preview every so many steps; 0 shows none.">
        {(id) => (
          <span class="with-words">
            every
            <input
              id={id}
              class="text number-box"
              type="number"
              min={0}
              max={50}
              value={previewEvery.value}
              onChange={(event) =>
                (previewEvery.value = Math.max(
                  0,
                  Math.round(event.currentTarget.valueAsNumber || 0),
                ))
              }
            />
            steps
          </span>
        )}
      </Row>
      <Row label="Format">
        {(id) => (
          <select
            id={id}
            class="select"
            value={`${mediaType.value}|${sampleType.value}`}
            onChange={(event) => {
              const [type, depth] = event.currentTarget.value.split("|");
              mediaType.value = type ?? "image/png";
              sampleType.value = depth ?? "";
            }}
          >
            {FORMATS.map((each) => (
              <option key={each.value} value={each.value}>
                {each.label}
              </option>
            ))}
          </select>
        )}
      </Row>
    </>
  );
}
