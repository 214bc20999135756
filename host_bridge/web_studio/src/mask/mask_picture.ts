import type { MaskLayer } from "./mask_layer.ts";
import { isEmpty, type Rect } from "./rect.ts";

/** Blue, green, red in one number, as the pixels lie in memory. */
const WARM = 0x1f48ff;
const COOL = 0xff7a1e;

/** The mask as the page shows it: one colour, as opaque as the mask is strong. */
export class MaskPicture {
  readonly canvas: HTMLCanvasElement;
  readonly #pen: CanvasRenderingContext2D;

  /** With `cool` a blue that is seen on warm pictures, else the red of retouchers' masking film. */
  constructor(
    width: number,
    height: number,
    private readonly cool = false,
  ) {
    this.canvas = document.createElement("canvas");
    this.canvas.width = width;
    this.canvas.height = height;
    const pen = this.canvas.getContext("2d");
    if (!pen) throw new Error("This browser draws no canvas; use another one");
    this.#pen = pen;
  }

  /** Draws a part of the mask anew. */
  draw(mask: MaskLayer, rect: Rect): void {
    if (isEmpty(rect)) return;
    const pixels = this.#pen.createImageData(rect.width, rect.height);
    const colours = new Uint32Array(pixels.data.buffer);
    const colour = this.cool ? COOL : WARM;
    for (let y = 0; y < rect.height; y++) {
      const row = (rect.y + y) * mask.width + rect.x;
      for (let x = 0; x < rect.width; x++) {
        colours[y * rect.width + x] = colour | ((mask.values[row + x] ?? 0) << 24);
      }
    }
    this.#pen.putImageData(pixels, rect.x, rect.y);
  }
}
