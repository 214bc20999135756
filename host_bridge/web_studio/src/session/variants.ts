import { connected } from "./daemon.ts";
import { saveFile } from "./downloads.ts";
import { type ResultMessage, wholeRect } from "./job_events.ts";
import type { Variant } from "./results.ts";

/** Fetches a released variant; its bytes are kept exactly as they came. */
export async function fetchVariant(jobId: string, result: ResultMessage): Promise<Variant> {
  const sha256 = result.composited?.sha256 ?? "";
  const bytes = await connected().get(sha256);
  const effective = result.effective;
  const type = String(effective?.request.output?.mediaType ?? "image/png");
  const file = new Blob([bytes as Uint8Array<ArrayBuffer>], { type });
  return {
    jobId,
    index: result.variant ?? 0,
    seed: result.seed ?? "0",
    bounds: result.bounds ? wholeRect(result.bounds) : null,
    file,
    sha256,
    shown: await createImageBitmap(file).catch(() => null),
    receiptId: result.receiptId ?? "",
    ...(result.rankScore === undefined ? {} : { rankScore: result.rankScore }),
    effective: effective ?? { request: { clientJobId: "" } },
  };
}

const ENDINGS: Readonly<Record<string, string>> = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/webp": "webp",
  "image/tiff": "tif",
};

/** Saves a variant's file as the gate released it. */
export function download(variant: Variant, document: string): void {
  const ending = ENDINGS[variant.file.type] ?? "png";
  saveFile(variant.file, `${stem(document)}-${variant.receiptId || variant.index + 1}.${ending}`);
}

export function stem(name: string): string {
  return name.replace(/\.[^.]*$/, "") || "picture";
}
