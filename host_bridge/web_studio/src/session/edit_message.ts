import type { Rect } from "../mask/rect.ts";
import type { GivenPicture, Parameters } from "./choices.ts";
import type { EditMessage } from "./results.ts";

/** Everything that one edit is made from. */
export interface EditInputs {
  readonly documentId: string;
  readonly source: string;
  /** The mask's bytes as stored and where they lie; null = everywhere. */
  readonly mask: { sha256: string; bounds: Rect } | null;
  readonly grow: number;
  readonly feather: number;
  readonly prompt: string;
  readonly negative: string;
  readonly model: string;
  readonly operations: readonly { name: string; parameters: Parameters }[];
  readonly count: number;
  readonly seed: string;
  readonly steps: number | null;
  readonly sampler: string;
  readonly mediaType: string;
  readonly sampleType: string;
  readonly previewEvery: number;
  readonly previewSide: number;
}

/** Parameters that travel on the operation, not in it. */
const ENVELOPE = new Set(["start", "stop", "mask"]);
const CUSTOM = "type.googleapis.com/retouch.v1.CustomOperation";

/** The request for an edit, in protobuf's JSON form. */
export function editMessage(inputs: EditInputs): EditMessage {
  const mask = inputs.mask && maskMessage(inputs.mask, inputs.grow, inputs.feather);
  return {
    clientJobId: crypto.randomUUID(),
    documentId: inputs.documentId,
    canvas: { source: { sha256: inputs.source } },
    ...(mask ? { mask } : {}),
    prompt: { text: inputs.prompt, negative: inputs.negative },
    ...(inputs.model ? { model: inputs.model } : {}),
    sampling: {
      ...(inputs.steps === null ? {} : { steps: inputs.steps }),
      ...(inputs.sampler ? { sampler: inputs.sampler } : {}),
      ...(inputs.seed ? { seeds: [inputs.seed] } : { seedMode: "SEED_MODE_RANDOM" }),
    },
    operations: inputs.operations.map((each) => operationMessage(each.name, each.parameters, mask)),
    output: {
      count: inputs.count,
      delivery: "DELIVERY_COMPOSITED",
      mediaType: inputs.mediaType,
      ...(inputs.sampleType ? { sampleType: inputs.sampleType } : {}),
      ...(inputs.previewEvery > 0
        ? { preview: { everySteps: inputs.previewEvery, maxSidePx: inputs.previewSide } }
        : {}),
    },
  };
}

function maskMessage(mask: { sha256: string; bounds: Rect }, grow: number, feather: number) {
  const { width, height } = mask.bounds;
  return {
    image: {
      sha256: mask.sha256,
      raw: {
        size: { width, height },
        channelOrder: "CHANNEL_ORDER_GRAY",
        sampleType: "SAMPLE_TYPE_UINT8",
      },
    },
    bounds: mask.bounds,
    polarity: "MASK_POLARITY_EDIT_WHITE",
    ...(grow ? { growPx: grow } : {}),
    ...(feather ? { featherPx: feather } : {}),
  };
}

/** An operation by its name in the catalogue: one that is new needs no new studio. */
function operationMessage(name: string, given: Parameters, mask: object | null) {
  const plain: Record<string, unknown> = {};
  const images: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    if (ENVELOPE.has(key)) continue;
    if (isPictures(value)) images[key] = { images: value.map(({ sha256 }) => ({ sha256 })) };
    else plain[key] = value;
  }
  return {
    custom: { "@type": CUSTOM, name, parameters: plain, images },
    ...(given.mask === true && mask ? { region: { mask } } : {}),
    ...(given.start === undefined ? {} : { start: given.start }),
    ...(given.stop === undefined ? {} : { stop: given.stop }),
  };
}

export function isPictures(value: unknown): value is GivenPicture[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((each) => each && typeof each === "object" && "sha256" in each)
  );
}
