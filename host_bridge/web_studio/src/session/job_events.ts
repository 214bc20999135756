import type { Rect } from "../mask/rect.ts";
import type { Effective } from "./results.ts";

/** `retouch.v1.JobEvent` in JSON form, as far as the studio looks at it. */
export interface JobEvent {
  readonly seq?: string;
  readonly time?: string;
  readonly queued?: { position?: number };
  readonly phases?: { phases?: { name?: string; share?: number }[] };
  readonly progress?: { phase?: number; step?: number; ofSteps?: number; remaining?: string };
  readonly preview?: PreviewMessage;
  readonly result?: ResultMessage;
  readonly warning?: { message?: string };
  readonly blocked?: { stage?: string; category?: string; advice?: string };
  readonly failed?: { message?: string; fix?: string };
  readonly cancelled?: { reason?: string };
  readonly done?: { released?: number; blocked?: number };
}

/** `retouch.v1.ImageRef`, as the daemon names pictures. */
export interface PictureReference {
  readonly sha256?: string;
  readonly raw?: {
    size?: { width?: number; height?: number };
    channelOrder?: string;
    sampleType?: string;
  };
}

export interface PreviewMessage {
  readonly variant?: number;
  readonly image?: PictureReference;
  readonly bounds?: Partial<Rect>;
}

export interface ResultMessage {
  readonly variant?: number;
  readonly composited?: { sha256?: string };
  readonly bounds?: Partial<Rect>;
  readonly seed?: string;
  readonly receiptId?: string;
  readonly rankScore?: number;
  readonly effective?: Effective;
}

/** A rectangle of protobuf's JSON form, which leaves zeros out. */
export function wholeRect(rect: Partial<Rect> | undefined): Rect {
  return { x: rect?.x ?? 0, y: rect?.y ?? 0, width: rect?.width ?? 0, height: rect?.height ?? 0 };
}
