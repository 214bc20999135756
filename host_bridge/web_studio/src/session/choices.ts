import { signal } from "@preact/signals";

/** A picture given to an operation; it is stored with the daemon. */
export interface GivenPicture {
  readonly sha256: string;
  readonly name: string;
  readonly url: string;
}

/** Values of an operation's parameters that were set; what is not here has its default. */
export type Parameters = Readonly<Record<string, unknown>>;

export const prompt = signal("");
export const negative = signal("");
/** Empty = the daemon's default. */
export const model = signal("");
export const count = signal(2);
/** Decimal digits, as seeds have up to 63 bits; empty = the daemon draws one. */
export const seed = signal("");
/** null = the model's own. */
export const steps = signal<number | null>(null);
export const sampler = signal("");
/** Media type and depth of the results. */
export const mediaType = signal("image/png");
export const sampleType = signal("");
export const previewEvery = signal(2);

/** Operations that are switched on, by name. */
export const active = signal<ReadonlySet<string>>(new Set());
/** Parameters that were set, by operation; kept while it is off. */
export const parameters = signal<Readonly<Record<string, Parameters>>>({});

export function switchOperation(name: string, on: boolean): void {
  const next = new Set(active.value);
  if (on) next.add(name);
  else next.delete(name);
  active.value = next;
}

/** Sets a parameter; undefined = its default again. */
export function setParameter(operation: string, name: string, value: unknown): void {
  const own = { ...parameters.value[operation] };
  if (value === undefined) delete own[name];
  else own[name] = value;
  parameters.value = { ...parameters.value, [operation]: own };
}
