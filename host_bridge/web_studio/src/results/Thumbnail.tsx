import { useEffect, useRef } from "preact/hooks";
import type { ShownPreview } from "../session/progress.ts";

const SIDE = 144;

interface ThumbnailProps {
  source: ImageBitmap;
  /** A preview that lies on it. */
  over?: ShownPreview | undefined;
}

/** A small square of a picture; drawn, so that no second copy is decoded. */
export function Thumbnail({ source, over }: ThumbnailProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const pen = canvas.current?.getContext("2d");
    if (!pen) return;
    const scale = Math.max(SIDE / source.width, SIDE / source.height);
    const [width, height] = [source.width * scale, source.height * scale];
    const [left, top] = [(SIDE - width) / 2, (SIDE - height) / 2];
    pen.imageSmoothingQuality = "high";
    pen.clearRect(0, 0, SIDE, SIDE);
    pen.drawImage(source, left, top, width, height);
    if (!over) return;
    const { x, y, width: across, height: down } = over.bounds;
    pen.drawImage(over.shown, left + x * scale, top + y * scale, across * scale, down * scale);
  }, [source, over]);
  return <canvas ref={canvas} width={SIDE} height={SIDE} aria-hidden="true" />;
}
