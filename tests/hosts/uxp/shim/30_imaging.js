// photoshop.imaging: pixels in and out, with all of its traps.

/** Images that nobody has disposed of. */
const living = new Set();
const SPACES = { RGB: [3, 4], Grayscale: [1, 2], Lab: [3, 4] };
const LINEAR = "(Linear RGB Profile)";

class ShimImage {
  /** @param {object} form width, height, components, bits, colorSpace, colorProfile; `data` as kept. */
  constructor(data, form) {
    this.kept = { data, ...form };
    this.isDisposed = false;
    living.add(this);
    for (const name of ["width", "height", "components", "colorSpace", "colorProfile"]) {
      this[name] = form[name];
    }
    this.componentSize = form.bits;
    this.hasAlpha = form.components % 2 === 0;
    this.chunky = true;
    this.type = "image/uncompressed";
    this.pixelFormat = form.colorSpace + (this.hasAlpha ? "A" : "");
  }

  async getData(options) {
    known("getData", options, ["chunky", "fullRange"]);
    if (this.isDisposed) refuse("getData of an image that was disposed of");
    const { data, bits } = this.kept;
    if (options?.chunky === false) refuse("getData: planar data is not in the shim");
    if (bits !== 16 || !options?.fullRange) return data.slice();
    return data.map((each) => Math.round((each * 65535) / 32768));
  }

  dispose() {
    if (this.isDisposed) refuse("dispose twice");
    this.isDisposed = true;
    living.delete(this);
  }
}

const place = ({ left, top, right, bottom }) => ({
  ...{ x: left, y: top, width: right - left, height: bottom - top },
});
const bounds = ({ x, y, width, height }) => ({
  left: x,
  top: y,
  right: x + width,
  bottom: y + height,
});

function areaOf(where, given, canvas) {
  if (!given) return canvas;
  const area = place(given);
  const whole = Object.values(area).every(Number.isInteger);
  if (!whole || area.width < 1 || area.height < 1)
    refuse(`${where}: sourceBounds are no rectangle`);
  return area;
}

async function getPixels(options) {
  inModalOnly("getPixels");
  known("getPixels", options, [
    ...["documentID", "layerID", "sourceBounds", "targetSize", "colorSpace", "colorProfile"],
    ...["componentSize", "applyAlpha"],
  ]);
  if (options.targetSize) refuse("getPixels: targetSize gives a pyramid level; not in the shim");
  const model = documentOf(options.documentID ?? refuse("getPixels: no documentID"));
  const { state } = model;
  const canvas = { x: 0, y: 0, width: state.width, height: state.height };
  const area = areaOf("getPixels", options.sourceBounds, canvas);
  const layer = options.layerID === undefined ? null : model.layer(options.layerID);
  if (options.layerID !== undefined && !layer) refuse(`there is no layer ${options.layerID}`);
  const isInside = area.x >= 0 && area.y >= 0 && area.x + area.width <= state.width;
  if (!layer && !(isInside && area.y + area.height <= state.height)) {
    refuse("getPixels: bounds outside of the canvas");
  }
  const rgba = composite(state, area, layer);
  const part = trimmed(rgba, area);
  if (!part) throw new Error("The requested area has no pixels");
  return pixelsOf(state, rgba, area, part, options, layer);
}

function pixelsOf(state, rgba, area, part, options, layer) {
  const opaque = layer ? layer.isBackground : state.layers.some((each) => each.isBackground);
  const components = opaque ? 3 : 4;
  const bits =
    !options.componentSize || options.componentSize < 0 ? state.bits : options.componentSize;
  const data = new KINDS[bits](part.width * part.height * components);
  const scale = WHITE[bits] / WHITE[state.bits];
  let to = 0;
  for (let y = part.y; y < part.y + part.height; y++) {
    for (let x = part.x; x < part.x + part.width; x++) {
      const at = 4 * ((y - area.y) * area.width + x - area.x);
      for (let i = 0; i < components; i++) {
        const value = rgba[at + i] * scale;
        data[to++] = bits === state.bits || bits === 32 ? value : Math.round(value);
      }
    }
  }
  const suffix = state.bits === 32 && !options.colorProfile ? ` ${LINEAR}` : "";
  if (options.colorProfile)
    scene.conversions.push(`read ${state.profile} as ${options.colorProfile}`);
  const colorProfile = `${options.colorProfile ?? state.profile}${suffix}`;
  const { width, height } = part;
  const form = { width, height, components, bits, colorSpace: "RGB", colorProfile };
  return { imageData: new ShimImage(data, form), sourceBounds: bounds(part), level: 0 };
}

async function getSelection(options) {
  inModalOnly("getSelection");
  known("getSelection", options, ["documentID", "sourceBounds", "targetSize"]);
  const { state } = documentOf(options.documentID ?? refuse("getSelection: no documentID"));
  const { selection } = state;
  if (!selection) throw new Error("There is no selection");
  const area = areaOf("getSelection", options.sourceBounds, selection);
  const left = Math.max(area.x, selection.x);
  const top = Math.max(area.y, selection.y);
  const width = Math.min(area.x + area.width, selection.x + selection.width) - left;
  const height = Math.min(area.y + area.height, selection.y + selection.height) - top;
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const at = (top + y - selection.y) * selection.width + left - selection.x;
    data.set(selection.data.subarray(at, at + width), y * width);
  }
  const form = { width, height, components: 1, bits: 8, colorSpace: "Grayscale" };
  const imageData = new ShimImage(data, { ...form, colorProfile: "Gray Gamma 2.2" });
  return { imageData, sourceBounds: bounds({ x: left, y: top, width, height }) };
}

async function createImageDataFromBuffer(buffer, options) {
  known("createImageDataFromBuffer", options, [
    ...["width", "height", "components", "chunky", "colorProfile", "colorSpace", "fullRange"],
  ]);
  const { width, height, components, colorSpace, colorProfile = "", fullRange = false } = options;
  const entry = Object.entries(KINDS).find(([, kind]) => buffer instanceof kind);
  if (!entry) refuse("createImageDataFromBuffer: not a Uint8Array, Uint16Array or Float32Array");
  if (!SPACES[colorSpace]?.includes(components)) {
    refuse(`createImageDataFromBuffer: ${components} components of ${colorSpace}`);
  }
  if (options.chunky === false && components > 1) refuse("planar data is not in the shim");
  const length = width * height * components;
  if (buffer.length !== length) {
    refuse(`createImageDataFromBuffer: ${buffer.length} elements, not ${length}`);
  }
  if (colorProfile.includes(LINEAR)) refuse(`"${LINEAR}" in a profile's name is not taken back`);
  const bits = Number(entry[0]);
  let data = buffer.slice();
  if (bits === 16 && fullRange) data = data.map((each) => Math.round((each * 32768) / 65535));
  else if (bits === 16 && data.some((each) => each > 32768)) refuse("16 bits beyond 32768");
  return new ShimImage(data, { width, height, components, bits, colorSpace, colorProfile });
}

/** Where pixels go: without targetBounds at (0, 0). */
function targetOf(where, { targetBounds, imageData }) {
  if (!(imageData instanceof ShimImage)) refuse(`${where}: no image data`);
  if (imageData.isDisposed) refuse(`${where}: the image was disposed of`);
  const { left = 0, top = 0 } = targetBounds ?? {};
  const { width, height } = imageData;
  return { x: left, y: top, width, height };
}

async function putPixels(options) {
  inModalOnly("putPixels");
  known("putPixels", options, [
    ...["documentID", "layerID", "imageData", "replace", "targetBounds", "commandName"],
  ]);
  const model = documentOf(options.documentID ?? refuse("putPixels: no documentID"));
  const layer = model.layer(options.layerID) ?? refuse("putPixels: no such layer");
  const area = targetOf("putPixels", options);
  const { data, bits, components, colorSpace, colorProfile } = options.imageData.kept;
  const { state } = model;
  if (colorSpace !== "RGB" || components !== 4) refuse("putPixels: the shim takes RGBA only");
  if (bits !== state.bits) refuse(`putPixels: ${bits} bits into ${state.bits}`);
  if (options.replace === false) refuse("putPixels: replace false is not in the shim");
  if (colorProfile && colorProfile !== state.profile) {
    scene.conversions.push(`write ${colorProfile} as ${state.profile}`);
  }
  model.changeLayer("Put pixels", layer.id, { pixels: { ...area, data: data.slice() } });
}

async function putLayerMask(options) {
  inModalOnly("putLayerMask");
  known("putLayerMask", options, [
    ...["documentID", "layerID", "kind", "imageData", "replace", "targetBounds", "commandName"],
  ]);
  const model = documentOf(options.documentID ?? refuse("putLayerMask: no documentID"));
  const layer = model.layer(options.layerID) ?? refuse("putLayerMask: no such layer");
  if (!layer.mask) throw new Error("The layer has no mask");
  const area = targetOf("putLayerMask", options);
  const { data, components, colorSpace, colorProfile } = options.imageData.kept;
  if (components !== 1 || colorSpace !== "Grayscale" || colorProfile !== "Gray Gamma 2.2") {
    refuse("putLayerMask: masks are one component, Grayscale, Gray Gamma 2.2");
  }
  const mask = { ...area, data: data.slice(), outside: layer.mask.outside };
  model.changeLayer("Put layer mask", layer.id, { mask });
}

const Canvas = OffscreenCanvas;
const Reader = FileReader;

async function encodeImageData(options) {
  known("encodeImageData", options, ["imageData", "base64"]);
  const { imageData: image, base64 } = options;
  if (!(image instanceof ShimImage) || image.isDisposed) refuse("encodeImageData: no image data");
  const { data, width, height, components, bits, colorSpace } = image.kept;
  if (bits !== 8 || components !== 3 || colorSpace !== "RGB") {
    refuse("encodeImageData: JPEG is RGB of 8 bits without alpha");
  }
  if (!base64) refuse("encodeImageData: only base64 is in the shim");
  const canvas = new Canvas(width, height);
  const pen = canvas.getContext("2d");
  const shown = pen.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    shown.data.set([...data.subarray(3 * i, 3 * i + 3), 255], 4 * i);
  }
  pen.putImageData(shown, 0, 0);
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
  return new Promise((resolve) => {
    const reader = new Reader();
    reader.onload = () => resolve(reader.result.split(",")[1]);
    reader.readAsDataURL(blob);
  });
}
