// At last: remove every global that UXP has not, and let the tests in.

function tidy() {
  const keep = new Set([...allowed, "require", "shim", "RETOUCH_ADDRESS"]);
  const own = ["window", "document", "location", "top", "self", "globalThis", "chrome"];
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (!keep.has(name) && !own.includes(name)) delete globalThis[name];
  }
}

globalThis.fetch = guardedFetch;
globalThis.WebSocket = GuardedSocket;
globalThis.require = requireModule;
globalThis.shim = testing;
guardDom();
defineWidgets();
tidy();
delete globalThis.__shim;
