// The files of this folder are joined, in order, into one function that runs before any script of the
// page: what one declares, the next ones see, and the page sees only what is given away at the end.

/** Given by the driver: the plugin's manifest, names that UXP has, and the state of a test. */
const { manifest, allowed, scene } = globalThis.__shim;
const clock = globalThis.performance;

/** What the panel did that UXP or Photoshop would not let it; a test fails where there is any. */
const offences = [];

/** Refuse something as Photoshop would; tests are told, whoever catches it. */
function refuse(words) {
  const problem = new Error(words);
  offences.push(words);
  throw problem;
}

/** An object whose unknown names are refused: a shim must not have what Photoshop has not. */
function strict(name, target) {
  return new Proxy(target, {
    get(of, key, receiver) {
      if (typeof key === "symbol" || key in of || key === "then" || key === "toJSON") {
        return Reflect.get(of, key, receiver);
      }
      return refuse(`${name}.${key} is not in Photoshop's types or not in the shim`);
    },
    set(of, key, value, receiver) {
      if (typeof key === "symbol" || !(key in of)) refuse(`${name}.${key} cannot be set`);
      return Reflect.set(of, key, value, receiver);
    },
  });
}

/** Refuse options that are not known. */
function known(where, options, names) {
  for (const key of Object.keys(options ?? {})) {
    if (!names.includes(key)) refuse(`${where}: option ${key} is not known`);
  }
}
