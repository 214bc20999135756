import { computed } from "@preact/signals";
import { choices, modes, operationFields } from "@kit/panel_form.js";
import { catalog } from "../session/catalog.ts";

/** One thing to choose, as the kit reads it from the catalogue. */
export interface Field {
  readonly key: string;
  readonly operation: string;
  readonly name: string;
  readonly label: string;
  readonly kind:
    "number" | "integer" | "bool" | "choice" | "text" | "picture" | "mask" | "words" | "model";
  readonly several: boolean;
  readonly required: boolean;
  readonly default: unknown;
  readonly low: number | null;
  readonly high: number | null;
  readonly step: number | null;
  readonly unit: string;
  readonly choices: readonly string[];
  readonly help: string;
  readonly simple: boolean;
}

/** One way to edit, as people know it. */
export interface Mode {
  readonly name: string;
  readonly title: string;
  readonly help: string;
  readonly operations: readonly string[];
  readonly needs: readonly string[];
  readonly missing: string;
}

/** An operation of the catalogue as the panel shows it. */
export interface OperationForm {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly needsMask: boolean;
  readonly fields: readonly Field[];
}

type Values = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

interface OperationChoice {
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** Names that people know better than the technique's own. */
const TITLES: Readonly<Record<string, string>> = {
  soft_mask: "Fill",
  sdedit: "Restyle",
  instruct_pix2pix: "Instruct",
  prompt_to_prompt: "Swap words",
  ip_adapter: "Reference",
  t2i_adapter: "Control",
  guidance: "Guidance",
  best_of: "Best of",
};
const ORDER = Object.keys(TITLES);

/** Every operation of the catalogue; those that are new come last. */
export const operationForms = computed<readonly OperationForm[]>(() => {
  const found = catalog.value;
  const forms = (found?.operations ?? []).map((operation) => ({
    name: operation.name,
    title: TITLES[operation.name] ?? spelled(operation.name),
    summary: operation.summary ?? "",
    needsMask: operation.needsMask === true,
    fields: operationFields(found, operation.name) as Field[],
  }));
  const place = (name: string) => (ORDER.indexOf(name) + ORDER.length + 1) % (ORDER.length + 1);
  return forms.toSorted((a, b) => place(a.name) - place(b.name));
});

const allModes = computed<readonly Mode[]>(() =>
  catalog.value ? (modes(catalog.value) as Mode[]) : [],
);

export const offeredModes = computed(() =>
  allModes.value.filter((mode) => mode.name !== "combine"),
);

/**
 * Checks operations against the catalogue and drops what is empty. Throws one sentence that names
 * the field.
 */
export function checkedOperations(names: readonly string[], values: Values): OperationChoice[] {
  const any = allModes.value.find((mode) => mode.name === "combine");
  if (!any || names.length === 0) return [];
  const given = names.flatMap((name) =>
    Object.entries(values[name] ?? {}).map(([key, value]) => [`${name}.${key}`, value] as const),
  );
  return choices(any, Object.fromEntries(given), { operations: [...names] } as object).operations;
}

export function titleOf(operation: string): string {
  return TITLES[operation] ?? spelled(operation);
}

function spelled(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
