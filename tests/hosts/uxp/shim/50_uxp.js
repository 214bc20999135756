// The module "uxp": entry points, secure storage, files that a person chooses.

/** Kept where the page cannot reach it, over reloads, too. */
const vault = globalThis.localStorage;
const SECRET = "shim.secure.";
/** Milliseconds that UXP gives `create` and `show`. */
const PATIENCE = 300;

function bytes(text) {
  return Uint8Array.from(atobNative(text), (each) => each.charCodeAt(0));
}
const atobNative = globalThis.atob.bind(globalThis);

const secureStorage = strict("secureStorage", {
  async getItem(key) {
    const found = vault.getItem(SECRET + key);
    return found === null ? null : Uint8Array.from(found, (each) => each.charCodeAt(0));
  },
  async setItem(key, value) {
    if (typeof value !== "string") refuse("secureStorage: the shim keeps text only");
    vault.setItem(SECRET + key, value);
  },
  async removeItem(key) {
    vault.removeItem(SECRET + key);
  },
});

const BINARY = Symbol("binary");
const localFileSystem = strict("localFileSystem", {
  async getFileForOpening(options) {
    known("getFileForOpening", options, ["types", "allowMultiple", "initialDomain"]);
    const allowed = manifest.requiredPermissions.localFileSystem;
    if (!["request", "fullAccess"].includes(allowed)) refuse("no permission to choose files");
    const file = scene.files.shift();
    if (!file) return null;
    const read = async ({ format }) => {
      if (format !== BINARY) refuse("File.read: the shim reads binary only");
      return bytes(file.data).buffer;
    };
    return strict("File", { name: file.name, read });
  },
});

let isSetUp = false;
const entrypoints = strict("entrypoints", {
  setup(given) {
    if (isSetUp) refuse("entrypoints.setup twice");
    isSetUp = true;
    known("entrypoints.setup", given, ["plugin", "panels", "commands"]);
    const names = manifest.entrypoints.filter((each) => each.type === "panel").map(({ id }) => id);
    for (const id of Object.keys(given.panels)) {
      if (!names.includes(id)) refuse(`the manifest has no panel ${id}`);
    }
    const begin = () => (document.body ? appear(given.panels[names[0]]) : setTimeout(begin, 5));
    setTimeout(begin, 0);
  },
});

function appear(panel) {
  const root = document.body;
  for (const handler of [panel.create, panel.show]) {
    const began = clock.now();
    handler?.call(panel, root);
    if (clock.now() - began > PATIENCE) refuse(`the panel took more than ${PATIENCE} ms`);
  }
}

const uxp = {
  entrypoints,
  storage: { secureStorage, localFileSystem, formats: { binary: BINARY } },
};

function requireModule(name) {
  if (name === "photoshop") return photoshop;
  if (name === "uxp") return uxp;
  return refuse(`require("${name}") is not in the shim`);
}
