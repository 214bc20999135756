import { computed, signal } from "@preact/signals";

/** `retouch.v1.Catalog` in protobuf's JSON form, as far as the studio looks at it. */
export interface Catalog {
  readonly operations?: readonly OperationDescription[];
  readonly models?: readonly ModelDescription[];
  readonly samplers?: readonly { name: string; summary?: string }[];
  readonly limits?: {
    imagePixels?: string;
    imageBytes?: string;
    promptCharacters?: number;
    steps?: number;
    variants?: number;
  };
  readonly retouchVersion?: string;
}

export interface OperationDescription {
  readonly name: string;
  readonly summary?: string;
  readonly paper?: string;
  readonly needsMask?: boolean;
  readonly acceptsRegion?: boolean;
  readonly acceptsWindow?: boolean;
  readonly providedBy?: string;
}

export interface ModelDescription {
  readonly name: string;
  readonly kind: string;
  readonly family?: string;
  readonly nativeSize?: { width?: number; height?: number };
  readonly followsInstructions?: boolean;
  readonly inpaints?: boolean;
  readonly loaded?: boolean;
}

export const catalog = signal<Catalog | null>(null);

export const baseModels = computed(() =>
  (catalog.value?.models ?? []).filter((model) => model.kind === "MODEL_KIND_BASE"),
);
