import { checkedOperations } from "../panel/form.ts";
import * as choices from "./choices.ts";
import { connected, stored } from "./daemon.ts";
import { picture, type Picture, replacePicture } from "./document.ts";
import { editMessage } from "./edit_message.ts";
import { runEdit } from "./edit_run.ts";
import { type Entry, variantsOf } from "./history.ts";
import { mask, maskExtent } from "./mask.ts";
import { fail, inform } from "./notices.ts";
import { type EditMessage, showVariants, variant, type Variant } from "./results.ts";
import { feather, grow, maskShown } from "./tools.ts";

const PREVIEW_SIDE = 512;

/** Runs what is chosen on the open picture. */
export function startEdit(): void {
  const open = picture.value;
  if (!open) {
    inform("Open a picture first.");
    return;
  }
  const count = choices.count.value;
  maskShown.value = false;
  void runEdit(() => prepared(open, count), count);
}

/**
 * Runs a finished edit again: the same pictures, up to the record in their watermarks. What the
 * daemon keeps is about one variant, so all seeds are put together again.
 */
export function replay(entry: Entry): void {
  const { request } = entry.effective;
  const count = entry.results.length;
  const seeds = entry.results.map((each) => each.seed ?? "0");
  const again: EditMessage = {
    ...request,
    clientJobId: crypto.randomUUID(),
    sampling: { ...request.sampling, seeds, seedMode: "SEED_MODE_LIST" },
    output: { ...request.output, count },
  };
  void runEdit(() => Promise.resolve(again), count);
}

/** Shows the variants of a finished edit again. */
export async function showEntry(entry: Entry): Promise<void> {
  try {
    const found = await variantsOf(entry);
    showVariants(found);
    maskShown.value = false;
  } catch (problem) {
    fail(problem);
  }
}

/** Goes on editing on top of a variant; its file is the new source as it is. */
export async function keepVariant(kept: Variant | null = variant.value): Promise<void> {
  const open = picture.value;
  if (!open || !kept) return;
  if (!kept.shown) {
    fail(
      "This browser cannot show the variant; choose PNG, JPEG or WebP as format and generate again",
    );
    return;
  }
  const { shown, file, sha256 } = kept;
  replacePicture("keep variant", {
    ...open,
    shown,
    file,
    sha256,
    width: shown.width,
    height: shown.height,
  });
}

async function prepared(open: Picture, count: number): Promise<EditMessage> {
  const operations = checkedOperations([...choices.active.value], choices.parameters.value);
  const source = await stored(open.file);
  const shown = mask.value;
  const extent = maskExtent.value;
  const piece = shown && extent ? shown.layer.cut(extent) : null;
  const maskDigest = piece && (await connected().put(piece.values));
  return editMessage({
    documentId: open.documentId,
    source,
    mask: piece && maskDigest ? { sha256: maskDigest, bounds: piece.rect } : null,
    grow: grow.value,
    feather: feather.value,
    prompt: choices.prompt.value,
    negative: choices.negative.value,
    model: choices.model.value,
    operations,
    count,
    seed: choices.seed.value,
    steps: choices.steps.value,
    sampler: choices.sampler.value,
    mediaType: choices.mediaType.value,
    sampleType: choices.sampleType.value,
    previewEvery: choices.previewEvery.value,
    previewSide: PREVIEW_SIDE,
  });
}
