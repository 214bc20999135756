import { connected } from "./daemon.ts";
import type { PictureReference } from "./job_events.ts";

/** Fetches a picture on the way: rows of RGBA, or a file. */
export async function previewPicture(image: PictureReference): Promise<ImageBitmap> {
  const bytes = (await connected().get(image.sha256 ?? "")) as Uint8Array<ArrayBuffer>;
  const { size, channelOrder, sampleType } = image.raw ?? {};
  if (!size?.width) return createImageBitmap(new Blob([bytes]));
  if (channelOrder !== "CHANNEL_ORDER_RGBA" || sampleType !== "SAMPLE_TYPE_UINT8") {
    throw new Error("A preview of a form that the studio does not read");
  }
  return createImageBitmap(new ImageData(new Uint8ClampedArray(bytes), size.width));
}
