// What tests do to the document, as a person would with Photoshop's own tools, and what they see.

const encodeNative = globalThis.btoa.bind(globalThis);

function text(data) {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  let found = "";
  for (let at = 0; at < raw.length; at += 32768) {
    found += String.fromCharCode(...raw.subarray(at, at + 32768));
  }
  return encodeNative(found);
}

const described = (part) => (part?.data ? { ...part, data: text(part.data) } : part);

const testing = {
  /** Open a document with one layer of RGBA samples in Photoshop's own range. */
  open({ data, isBackground = true, layer = "Background", ...given }) {
    const model = new DocumentModel(given);
    const { width, height, bits } = model.state;
    const samples = new KINDS[bits](bytes(data).buffer);
    const pixels = { x: 0, y: 0, width, height, data: samples };
    const made = newLayer(layer, { isBackground, pixels });
    model.state = { ...model.state, layers: [made], active: [made.id] };
    model.remember("Open");
    models.push(model);
    activeModel = model;
    notify("open");
    return model.id;
  },
  /** Add a layer on top, without making it active. */
  addLayer({ documentId, name, data, x, y, width, height }) {
    const model = documentOf(documentId);
    const samples = new KINDS[model.state.bits](bytes(data).buffer);
    const made = newLayer(name, { pixels: { x, y, width, height, data: samples } });
    model.state = { ...model.state, layers: [made, ...model.state.layers] };
    model.remember(name);
    notify("make");
    return made.id;
  },
  select({ documentId, data, ...area }) {
    const model = documentOf(documentId);
    model.state = { ...model.state, selection: data ? { ...area, data: bytes(data) } : null };
    model.remember("Select");
    notify("set");
  },
  activate({ documentId, layers }) {
    const model = documentOf(documentId);
    if (layers) model.state = { ...model.state, active: layers };
    activeModel = model;
    notify("select");
  },
  close({ documentId }) {
    documentOf(documentId).isOpen = false;
    activeModel = models.filter((each) => each.isOpen).pop() ?? null;
    notify("close");
  },
  save({ documentId, path }) {
    documentOf(documentId).path = path;
    notify("save");
  },
  set({ documentId, ...more }) {
    const model = documentOf(documentId);
    model.state = { ...model.state, ...more };
  },
  undo: ({ documentId }) => documentOf(documentId).step(-1),
  redo: ({ documentId }) => documentOf(documentId).step(1),
  /** Whether somebody else's dialog is open; whether Cancel is pressed in the next modal. */
  take: ({ isTaken }) => (modal.isTaken = isTaken),
  cancelNext: () => (modal.isCancelled = true),
  refuseSockets: () => (scene.areSocketsRefused = true),
  offerFile: (file) => scene.files.push(file),
  /** All of a document, bit by bit. */
  state({ documentId }) {
    const { state, history, at } = documentOf(documentId);
    const layers = state.layers.map((each) => ({
      ...each,
      pixels: described(each.pixels),
      mask: described(each.mask),
    }));
    const area = { x: 0, y: 0, width: state.width, height: state.height };
    return {
      ...{ ...state, layers, selection: described(state.selection) },
      history: history.slice(0, at + 1).map((each) => each.name),
      shown: text(composite(state, area)),
    };
  },
  log: () => ({
    ...{ offences: [...offences], living: living.size, modals: modal.log },
    conversions: scene.conversions,
  }),
};
