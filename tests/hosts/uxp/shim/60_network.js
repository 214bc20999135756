// fetch and WebSocket: only to what the manifest names; bodies come whole, and have no stream.

const nativeFetch = globalThis.fetch.bind(globalThis);
const NativeSocket = globalThis.WebSocket;

function checkPermission(address) {
  const { domains } = manifest.requiredPermissions.network ?? { domains: [] };
  const url = new NativeUrl(address);
  const origin = `${url.protocol}//${url.host}`;
  if (domains !== "all" && !domains.includes(origin)) {
    refuse(`Permission denied to the url ${address}. Manifest entry not found.`);
  }
}
const NativeUrl = globalThis.URL;

async function guardedFetch(address, options = {}) {
  if (typeof address !== "string") refuse("fetch: only addresses as text are in the shim");
  known("fetch", options, ["method", "headers", "body", "credentials"]);
  checkPermission(address);
  const { body } = options;
  const isPlain = body === undefined || typeof body === "string" || body instanceof ArrayBuffer;
  if (!isPlain && !ArrayBuffer.isView(body)) refuse("fetch: a body of another kind");
  const answer = await nativeFetch(address, options);
  const whole = await answer.arrayBuffer();
  return strict("Response", {
    status: answer.status,
    ok: answer.ok,
    headers: strict("Headers", { get: (name) => answer.headers.get(name) }),
    text: async () => decoded(whole),
    json: async () => JSON.parse(decoded(whole)),
    arrayBuffer: async () => whole,
  });
}

const decoder = new TextDecoder();
const decoded = (buffer) => decoder.decode(buffer);

class GuardedSocket extends NativeSocket {
  constructor(address, protocols, ...more) {
    if (more.length) refuse("WebSocket takes an address and protocols only");
    checkPermission(address);
    // a gateway answers another path as it answers a socket of an unlisted origin: not at all
    super(scene.areSocketsRefused ? address.replace("events", "nothing") : address, protocols);
  }
}
