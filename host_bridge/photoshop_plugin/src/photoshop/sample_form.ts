/** How samples of a document lie in memory, and what their numbers mean. */

import { iccProfile } from "./icc_profile.ts";
import type { OpenDocument } from "./open_document.ts";

export const SRGB = "sRGB IEC61966-2.1";
/** What Photoshop puts behind the names of 32-bit documents, and does not take back. */
const LINEAR = /\s*\(Linear RGB Profile\)$/;

export type SampleType = "UINT8" | "UINT16" | "FLOAT32";
export type Samples = Uint8Array | Uint16Array | Float32Array;

export interface SampleForm {
  bits: 8 | 16 | 32;
  sampleType: SampleType;
  /** For the daemon: a name that it knows, or an ICC profile. */
  profile: "srgb" | Uint8Array;
  /** The profile that Photoshop converts to when it reads; undefined = the document's own. */
  read: string | undefined;
  /** The profile that is named when pixels are written; undefined = the document's own. */
  written: string | undefined;
}

/**
 * Return the form of a document's samples. Photoshop gives profiles by name only: of those whose
 * numbers are known the samples travel as they are, others are converted to sRGB by Photoshop, and
 * back when the result is written.
 */
export function sampleForm(document: OpenDocument): SampleForm {
  const bits = document.bits || 8;
  const linear = bits === 32;
  const name = document.profileName.replace(LINEAR, "");
  const known = iccProfile(name || SRGB, linear);
  const form = { bits, sampleType: sampleType(bits) };
  if (known) {
    const isSrgb = !linear && (name === SRGB || !name);
    const written = name || undefined;
    return { ...form, profile: isSrgb ? "srgb" : known, read: undefined, written };
  }
  const profile = linear ? (iccProfile(SRGB, true) as Uint8Array) : "srgb";
  return { ...form, profile, read: SRGB, written: SRGB };
}

/** Return samples as bytes; the same memory. */
export function bytesOf(samples: Samples): Uint8Array {
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
}

/** Return bytes as samples, copied where they do not lie as samples must. */
export function samplesOf(bytes: Uint8Array, type: SampleType): Samples {
  if (type === "UINT8") return bytes;
  const { buffer } = bytes.byteOffset % 4 ? bytes.slice() : bytes;
  const offset = bytes.byteOffset % 4 ? 0 : bytes.byteOffset;
  if (type === "UINT16") return new Uint16Array(buffer, offset, bytes.length / 2);
  return new Float32Array(buffer, offset, bytes.length / 4);
}

function sampleType(bits: number): SampleType {
  if (bits === 16) return "UINT16";
  return bits === 32 ? "FLOAT32" : "UINT8";
}
