// photoshop.app: documents and layers as scripts see them, and batchPlay of the few commands in use.

const listeners = [];

/** Tell plugins what happened, a little later, as Photoshop does. */
function notify(event) {
  for (const { events, tell } of listeners) {
    if (events.includes(event)) setTimeout(() => tell(event, {}), 0);
  }
}

function layerOf(model, id) {
  const now = () => model.layer(id) ?? refuse(`layer ${id} is gone`);
  return strict("Layer", {
    get id() {
      return id;
    },
    get name() {
      return now().name;
    },
    get kind() {
      return now().kind;
    },
    get visible() {
      return now().visible;
    },
    get isBackgroundLayer() {
      return now().isBackground;
    },
    get boundsNoEffects() {
      return bounds(now().pixels ?? { x: 0, y: 0, width: 0, height: 0 });
    },
    get bounds() {
      return this.boundsNoEffects;
    },
    get layers() {
      return null;
    },
    get isClippingMask() {
      return now().isClipped;
    },
    set isClippingMask(isClipped) {
      model.changeLayer("Clipping mask", id, { isClipped });
    },
    move(relative, placement) {
      if (placement !== "placeBefore") refuse(`move: ${placement} is not in the shim`);
      const others = model.state.layers.filter((each) => each.id !== id);
      const at = others.findIndex((each) => each.id === relative.id);
      others.splice(at, 0, now());
      model.change("Move layer", { layers: others });
    },
  });
}

const ANCHORS = { "bottom-right": [1, 1], "top-left": [0, 0] };

function resized(model, width, height, anchor) {
  const { state } = model;
  const [right, bottom] = ANCHORS[anchor] ?? refuse(`resizeCanvas: ${anchor} is not in the shim`);
  const [dx, dy] = [right * (width - state.width), bottom * (height - state.height)];
  const moved = (part) => (part ? { ...part, x: part.x + dx, y: part.y + dy } : null);
  const whole = { x: 0, y: 0, width, height };
  const layers = state.layers.map((layer) => {
    const pixels = layer.isBackground
      ? paper(state, layer.pixels, whole, dx, dy)
      : moved(layer.pixels);
    const mask = layer.mask?.data ? moved(layer.mask) : layer.mask;
    return { ...layer, pixels, mask };
  });
  return { width, height, layers, selection: moved(state.selection) };
}

/** A background is as large as the canvas: what is new has the background colour, white. */
function paper({ bits }, pixels, whole, dx, dy) {
  const data = new KINDS[bits](whole.width * whole.height * 4).fill(WHITE[bits]);
  for (let y = 0; y < pixels.height; y++) {
    const row = pixels.data.subarray(4 * y * pixels.width, 4 * (y + 1) * pixels.width);
    data.set(row, 4 * ((y + dy) * whole.width + dx));
  }
  return { ...whole, data };
}

function scripted(model) {
  const isOpen = () => (model.isOpen ? model : refuse("the document was closed"));
  return strict("Document", {
    get id() {
      return model.id;
    },
    get title() {
      return isOpen().title;
    },
    get name() {
      return isOpen().title;
    },
    get path() {
      return isOpen().path;
    },
    get cloudDocument() {
      return false;
    },
    get width() {
      return isOpen().state.width;
    },
    get height() {
      return isOpen().state.height;
    },
    get mode() {
      return isOpen().state.mode;
    },
    get bitsPerChannel() {
      return `bitDepth${isOpen().state.bits}`;
    },
    get quickMaskMode() {
      return isOpen().quickMask;
    },
    get colorProfileName() {
      const { profile, bits } = isOpen().state;
      return bits === 32 && profile ? `${profile} ${LINEAR}` : profile;
    },
    get colorProfileType() {
      return isOpen().state.profile ? "customEnum" : "none";
    },
    get layers() {
      return isOpen().state.layers.map((each) => layerOf(model, each.id));
    },
    get activeLayers() {
      return isOpen().state.active.map((id) => layerOf(model, id));
    },
    async createLayer(kind, options) {
      if (kind !== "pixel") refuse(`createLayer: ${kind} is not in the shim`);
      known("createLayer", options, ["name", "opacity", "blendMode"]);
      if (activeModel !== model) refuse("createLayer: the document is not active");
      const { layers, active } = model.state;
      const at = Math.max(
        0,
        layers.findIndex((each) => each.id === active[0]),
      );
      const made = newLayer(options?.name ?? "Layer", {
        isClipped: layers[at - 1]?.isClipped ?? false,
      });
      const more = [...layers.slice(0, at), made, ...layers.slice(at)];
      model.change("New layer", { layers: more, active: [made.id] });
      return layerOf(model, made.id);
    },
    async resizeCanvas(width, height, anchor) {
      model.change("Canvas size", resized(model, width, height, anchor));
    },
  });
}

const app = strict("app", {
  get documents() {
    return models.filter((each) => each.isOpen).map(scripted);
  },
  get activeDocument() {
    return activeModel ? scripted(activeModel) : null;
  },
  set activeDocument(document) {
    inModalOnly("activeDocument");
    activeModel = documentOf(document.id);
    notify("select");
  },
});

async function batchPlay(commands, options) {
  if (!Array.isArray(commands)) refuse("batchPlay: no list of commands");
  known("batchPlay", options, ["synchronousExecution", "modalBehavior", "continueOnError"]);
  inModalOnly("batchPlay");
  return commands.map((command) => played(command));
}

function played(command) {
  const target = command._target ?? [];
  const [first, second] = target;
  if (command._obj === "get" && first?._property === "selection" && second?._ref === "document") {
    return selectionOf(documentOf(second._id));
  }
  if (command._obj === "select" && first?._ref === "layer") return selectLayer(command, first._id);
  if (command._obj === "make" && command.new?._class === "channel") return makeMask(command);
  return refuse(`batchPlay: ${JSON.stringify(command)} is not in the shim`);
}

function selectionOf({ state: { selection } }) {
  if (!selection) return {};
  const sides = Object.entries(bounds(selection)).map(([name, value]) => [
    ...[name, { _unit: "pixelsUnit", _value: value }],
  ]);
  return { selection: { _obj: "rectangle", ...Object.fromEntries(sides) } };
}

function selectLayer({ selectionModifier }, id) {
  const beside = selectionModifier?._value === "addToSelection";
  if (!activeModel.layer(id)) refuse(`select: there is no layer ${id}`);
  const active = beside ? [...activeModel.state.active, id] : [id];
  activeModel.change("Select layer", { active });
  return {};
}

function makeMask({ at, using }) {
  if (at?._value !== "mask" || !["hideAll", "revealAll"].includes(using?._value)) {
    refuse("batchPlay: make of this channel is not in the shim");
  }
  const [id] = activeModel.state.active;
  if (activeModel.layer(id).mask) refuse("batchPlay: the layer has a mask already");
  const outside = using._value === "hideAll" ? 0 : 255;
  activeModel.changeLayer("Layer mask", id, { mask: { outside, data: null } });
  return {};
}

const constants = {
  BitsPerChannelType: {
    ...{ ONE: "bitDepth1", EIGHT: "bitDepth8", SIXTEEN: "bitDepth16", THIRTYTWO: "bitDepth32" },
  },
  DocumentMode: { RGB: "RGBColorMode", CMYK: "CMYKColorMode", GRAYSCALE: "grayscaleMode" },
  ColorProfileType: { CUSTOM: "customEnum", NONE: "none", WORKING: "workingSpaceCode" },
  LayerKind: { NORMAL: "pixel", GROUP: "group" },
  AnchorPosition: { BOTTOMRIGHT: "bottom-right", TOPLEFT: "top-left" },
  ElementPlacement: { PLACEBEFORE: "placeBefore" },
};
const action = strict("action", {
  batchPlay,
  async addNotificationListener(events, tell) {
    listeners.push({ events, tell });
  },
});
const photoshop = {
  app,
  action,
  constants: strict(
    "constants",
    Object.fromEntries(Object.entries(constants).map(([name, each]) => [name, strict(name, each)])),
  ),
  core: strict("core", { executeAsModal }),
  imaging: strict("imaging", {
    ...{ getPixels, putPixels, getSelection, putLayerMask, createImageDataFromBuffer },
    encodeImageData,
  }),
};
