// Documents in memory: layers with pixels and masks, a selection, a history. States never change: a
// change makes a new one, so that a test can compare what was before with what is now, bit by bit.

const KINDS = { 8: Uint8Array, 16: Uint16Array, 32: Float32Array };
/** What is 1.0, as Photoshop keeps it: 16 bits are 0 to 32768. */
const WHITE = { 8: 255, 16: 32768, 32: 1 };
let lastId = 100;
const nextId = () => ++lastId;

class DocumentModel {
  constructor({ title, path = "", width, height, bits = 8, mode = "RGBColorMode", profile }) {
    this.id = nextId();
    Object.assign(this, { title, path, isOpen: true, quickMask: false });
    const base = { width, height, bits, mode, profile: profile ?? "sRGB IEC61966-2.1" };
    this.state = { ...base, layers: [], active: [], selection: null };
    this.history = [];
    this.at = -1;
  }

  remember(name) {
    this.history.length = this.at + 1;
    this.history.push({ name, state: this.state });
    this.at = this.history.length - 1;
  }

  /** Make a new state, and an entry of the history where that is not suspended. */
  change(name, more) {
    if (!modal.isOpen) refuse(`${name} outside of executeAsModal`);
    if (modal.suspended && modal.suspended.document !== this) refuse(`${name}: another document`);
    this.state = { ...this.state, ...more };
    if (!modal.suspended) this.remember(name);
  }

  changeLayer(name, id, more) {
    const layers = this.state.layers.map((each) => (each.id === id ? { ...each, ...more } : each));
    this.change(name, { layers });
  }

  layer(id) {
    return this.state.layers.find((each) => each.id === id) ?? null;
  }

  step(by) {
    const to = this.at + by;
    if (to < 0 || to >= this.history.length) return;
    this.at = to;
    this.state = this.history[to].state;
  }
}

/** All that were opened; closed ones are found by nobody. */
const models = [];
let activeModel = null;

function documentOf(id) {
  const found = models.find((each) => each.isOpen && each.id === id);
  return found ?? refuse(`there is no document ${id}`);
}

function newLayer(name, more = {}) {
  return {
    ...{ id: nextId(), name, kind: "pixel", pixels: null, mask: null, visible: true },
    ...{ isBackground: false, isClipped: false, ...more },
  };
}

/** The samples of a layer at a place: RGBA, 0 to 1, alpha times its mask; null = nothing there. */
function sampleAt({ pixels, mask, visible }, x, y, white) {
  if (!visible || !pixels || !insideOf(pixels, x, y)) return null;
  const at = 4 * ((y - pixels.y) * pixels.width + x - pixels.x);
  let alpha = pixels.data[at + 3] / white;
  if (mask) {
    const inMask = mask.data && insideOf(mask, x, y);
    alpha *= inMask ? mask.data[(y - mask.y) * mask.width + x - mask.x] / 255 : mask.outside / 255;
  }
  return alpha > 0 ? [at, alpha] : null;
}

const insideOf = ({ x, y, width, height }, px, py) =>
  px >= x && py >= y && px < x + width && py < y + height;

/** Photoshop's composite of a rectangle, RGBA in its own range; `only` = of one layer, unmasked. */
function composite({ layers, bits }, area, only = null) {
  const white = WHITE[bits];
  const found = new KINDS[bits](area.width * area.height * 4);
  const order = only ? [{ ...only, mask: null, visible: true }] : [...layers].reverse();
  for (const layer of order) {
    for (let y = 0; y < area.height; y++) {
      for (let x = 0; x < area.width; x++) {
        const sample = sampleAt(layer, area.x + x, area.y + y, white);
        if (!sample) continue;
        blend(found, 4 * (y * area.width + x), layer.pixels.data, sample, white, bits);
      }
    }
  }
  return found;
}

function blend(found, to, data, [at, alpha], white, bits) {
  const below = found[to + 3] / white;
  const whole = alpha + below * (1 - alpha);
  for (let i = 0; i < 3; i++) {
    if (alpha === 1) found[to + i] = data[at + i];
    else {
      const value = (data[at + i] * alpha + found[to + i] * below * (1 - alpha)) / whole;
      found[to + i] = bits === 32 ? value : Math.round(value);
    }
  }
  found[to + 3] = bits === 32 ? whole * white : Math.round(whole * white);
}

/** The part of an area in which something is not transparent; null = nothing is. */
function trimmed(rgba, area) {
  let [left, top, right, bottom] = [area.width, area.height, 0, 0];
  for (let y = 0; y < area.height; y++) {
    for (let x = 0; x < area.width; x++) {
      if (!rgba[4 * (y * area.width + x) + 3]) continue;
      [left, top] = [Math.min(left, x), Math.min(top, y)];
      [right, bottom] = [Math.max(right, x + 1), Math.max(bottom, y + 1)];
    }
  }
  if (right <= left) return null;
  return { x: area.x + left, y: area.y + top, width: right - left, height: bottom - top };
}
