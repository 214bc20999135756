/** Pictures as hosts hold them, and how the daemon is told to read them. */

import { SAMPLES } from "./pixel_rows.js";

export { SAMPLES } from "./pixel_rows.js";
/** Names of `retouch.v1.ChannelOrder` -> samples per pixel. */
export const CHANNELS = { GRAY: 1, GRAY_ALPHA: 2, RGB: 3, RGBA: 4, BGRA: 4 };

/** Pixels as a host holds them: rows of samples, or the bytes of a picture file. */
export class Picture {
  /**
   * @param {Uint8Array} data top row first, channels interleaved, little-endian; or a file.
   * @param {object} form `width`, `height` (none: a file), `channelOrder`, `sampleType`, `profile`
   *   ("srgb" or the Uint8Array of an ICC profile; null = sRGB, of a file its own), `rowStride`,
   *   `whiteValue` (Photoshop's 16 bits without fullRange: 32768), `premultiplied`.
   *
   * Throws RangeError: bytes that do not fit the size; unknown names.
   */
  constructor(data, form = {}) {
    const { width = 0, height = 0, channelOrder = "RGBA", sampleType = "UINT8" } = form;
    const { profile = null, rowStride = 0, whiteValue = 0, premultiplied = false } = form;
    Object.assign(this, { data, width, height, channelOrder, sampleType, profile });
    Object.assign(this, { rowStride, whiteValue, premultiplied });
    if (width || height) this._check();
    Object.freeze(this);
  }

  get isFile() {
    return !this.width;
  }

  get pixelBytes() {
    return CHANNELS[this.channelOrder] * SAMPLES[this.sampleType];
  }

  _check() {
    for (const [name, known] of [["channelOrder", CHANNELS], ["sampleType", SAMPLES]]) {
      if (!(this[name] in known)) {
        const words = Object.keys(known).join(", ");
        throw new RangeError(`${name} '${this[name]}' is not known. Fix: use ${words}.`);
      }
    }
    const row = this.width * this.pixelBytes;
    const wanted = (this.rowStride || row) * (this.height - 1) + row;
    const { length } = this.data;
    const empty = this.width < 1 || this.height < 1;
    if (empty || length < wanted || (!this.rowStride && length !== wanted)) {
      const size = `${this.width}x${this.height} ${this.channelOrder} ${this.sampleType}`;
      const words = `a picture of ${size} has ${wanted} bytes, not ${length}`;
      throw new RangeError(`${words}. Fix: read the same rectangle that is named.`);
    }
  }
}

/**
 * Return how a request names a picture (`retouch.v1.ImageRef`).
 *
 * @param {(data: Uint8Array) => Promise<string>} keep uploads bytes and returns their SHA-256.
 */
export async function reference(picture, keep) {
  const found = { sha256: await keep(picture.data), sizeBytes: String(picture.data.length) };
  if (!picture.isFile) {
    found.raw = {
      size: { width: picture.width, height: picture.height },
      channelOrder: `CHANNEL_ORDER_${picture.channelOrder}`,
      sampleType: `SAMPLE_TYPE_${picture.sampleType}`,
      rowStrideBytes: picture.rowStride,
      whiteValue: picture.whiteValue,
      alphaMode: `ALPHA_MODE_${picture.premultiplied ? "PREMULTIPLIED" : "STRAIGHT"}`,
    };
  }
  if (picture.profile instanceof Uint8Array) {
    found.colorProfile = { iccSha256: await keep(picture.profile) };
  } else if (picture.profile) found.colorProfile = { name: picture.profile };
  return found;
}

/** Return the picture that the daemon names and whose bytes were fetched. */
export function pictureOf(sent, data, profile = null) {
  if (!sent.raw) return new Picture(data, { profile });
  const { size = {}, channelOrder = "", sampleType = "", rowStrideBytes = 0 } = sent.raw;
  return new Picture(data, {
    width: size.width ?? 0,
    height: size.height ?? 0,
    channelOrder: channelOrder.replace("CHANNEL_ORDER_", ""),
    sampleType: sampleType.replace("SAMPLE_TYPE_", ""),
    profile,
    rowStride: rowStrideBytes,
  });
}

/** Tell whether a value names a picture that the daemon has. */
export const isReference = (value) => typeof value?.sha256 === "string";
