const SIDE = 16;

/** Whether a picture is more red than blue on the whole. */
export function isWarm(picture: ImageBitmap): boolean {
  const small = new OffscreenCanvas(SIDE, SIDE);
  const pen = small.getContext("2d");
  if (!pen) return false;
  pen.drawImage(picture, 0, 0, SIDE, SIDE);
  const { data } = pen.getImageData(0, 0, SIDE, SIDE);
  let warmth = 0;
  for (let at = 0; at < data.length; at += 4) warmth += (data[at] ?? 0) - (data[at + 2] ?? 0);
  return warmth / (SIDE * SIDE) > 12;
}
