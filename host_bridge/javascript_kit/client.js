/**
 * The wire between a panel and the daemon's gateway: `fetch` for calls and pixels, a WebSocket for
 * events. Uses nothing that UXP lacks; errors are of `failures.js`.
 */

import { EventSocket } from "./event_socket.js";
import { Failed, Lost, NotRunning, RetouchError, errorOfAnswer } from "./failures.js";
import { Stop, Stopped, gone, patiently } from "./patience.js";

export { Blocked, Cancelled, Failed, Lost, NotRunning, RetouchError } from "./failures.js";
export { Stop, Stopped } from "./patience.js";

const OVER = ["done", "failed", "cancelled"];

/**
 * A daemon, as a panel sees it.
 *
 * @param {string} address "127.0.0.1:7862".
 * @param {string} token what the daemon asks callers for: of `pair`, or of its token file.
 * @param {string} clientName of the panel, 1 to 64 letters, digits, dots, dashes ("photoshop").
 * @param {object} options `timeout`: seconds after which a call is given up; `giveUp`: seconds for
 *   which a daemon that is gone is waited for; `fetch`, `WebSocket`: the host's own by default.
 */
export class Retouch {
  constructor(address, token, clientName, options = {}) {
    const { timeout = 30, giveUp = 120 } = options;
    Object.assign(this, { address, token, clientName, timeout, giveUp });
    this._fetch = options.fetch ?? ((...given) => fetch(...given));
    this._socket = new EventSocket(address, token, clientName, options.WebSocket ?? WebSocket);
    this._known = new WeakMap();
  }

  /**
   * Trade a code, which `retouch pair` shows, for a token. Keep it where the host keeps secrets,
   * and be ready to pair again.
   *
   * Throws Failed: a wrong or old code. NotRunning.
   */
  static async pair(address, code, clientName, options = {}) {
    const unpaired = new Retouch(address, "", clientName, options);
    const body = JSON.stringify({ code: String(code).replace(/\D/g, ""), client: clientName });
    const headers = { "Content-Type": "application/json" };
    const answer = await unpaired._ask("POST", "/v1/pair", { body, headers, bare: true });
    return (await answer.json()).token;
  }

  /** Return who answers there, without a token: {product, version, needs}. Throws NotRunning. */
  async hello() {
    return (await this._ask("GET", "/v1/hello", { bare: true })).json();
  }

  /** Make a call with one answer: `call("EditService/Plan", {...})`. Throws RetouchError. */
  async call(method, message) {
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify(message);
    const answer = await this._ask("POST", `/retouch.v1.${method}`, { body, headers });
    try {
      return await answer.json();
    } catch (problem) {
      const fix = "is something else listening there?";
      throw new Failed(`The answer is not Retouch's (${problem.message}). Fix: ${fix}`);
    }
  }

  /** Make a call with a stream of answers, an async iterator, which `stop` ends. */
  async *stream(method, message, stop = new Stop()) {
    try {
      yield* this._socket.stream(method, message, stop);
    } catch (problem) {
      if (!(problem instanceof Stopped)) throw problem;
    }
  }

  /**
   * Upload bytes; return their SHA-256, which the gateway computes. The same object is sent once,
   * unless the daemon has lost it.
   *
   * @param {Uint8Array} data must not change afterwards.
   */
  async put(data) {
    const known = this._known.get(data);
    if (known && (await this._ask("HEAD", `/v1/blobs/${known}`, {})).status === 200) {
      return known;
    }
    const headers = { "Content-Type": "application/octet-stream" };
    const patience = this.timeout + data.byteLength / 1e6;
    // UXP documents ArrayBuffer as a body, and no views of one
    const whole = data.byteLength === data.buffer.byteLength;
    const body = whole ? data.buffer : data.slice().buffer;
    const answer = await this._ask("POST", "/v1/blobs", { body, headers, patience });
    const { sha256 } = await answer.json();
    this._known.set(data, sha256);
    return sha256;
  }

  /** Return the bytes of a blob as a Uint8Array; tried again where a download broke. */
  async get(sha256) {
    for (let left = 3; ; left--) {
      const answer = await this._ask("GET", `/v1/blobs/${sha256}`, {});
      try {
        return new Uint8Array(await answer.arrayBuffer());
      } catch (problem) {
        if (left <= 1) throw this._lost(problem);
      }
    }
  }

  /** Return the catalogue (`retouch.v1.Catalog`), for `panel_form.js`. */
  async describe() {
    return (await this.call("CatalogService/Describe", {})).catalog ?? {};
  }

  /** Return what a request would do (`retouch.v1.Plan`); changes nothing. */
  async plan(edit) {
    return (await this.call("EditService/Plan", { edit })).plan ?? {};
  }

  /** Submit an edit; return its job ({jobId, state ...}). Harmless twice with a clientJobId. */
  async submit(edit, replaceGroup = false) {
    return (await this.call("EditService/Submit", { edit, replaceGroup })).job ?? {};
  }

  /**
   * Follow a job to its end; yield its events once each, in order. Connects again by itself, and
   * waits `giveUp` seconds for a daemon that restarts.
   *
   * @param {string} jobId the daemon's name of the job.
   * @param {number} fromSeq number of the first event that is wanted.
   * @param {Stop} stop ends the iteration early; the job goes on.
   */
  async *watch(jobId, fromSeq = 0, stop = new Stop()) {
    let [ends, pause] = [0, 0.1];
    while (!stop.isSet) {
      try {
        const asked = { jobId, fromSeq: String(fromSeq) };
        for await (const answer of this.stream("EditService/Watch", asked, stop)) {
          const event = answer.event ?? {};
          fromSeq = Number(event.seq ?? fromSeq) + 1;
          [ends, pause] = [0, 0.1];
          yield event;
          if (OVER.some((kind) => kind in event)) return;
        }
        return;
      } catch (problem) {
        if (!(problem instanceof RetouchError) || !gone(problem)) throw problem;
        ends ||= Date.now() + this.giveUp * 1000;
        if (Date.now() >= ends) throw this._away(problem);
      }
      await stop.wait(pause);
      pause = Math.min(2 * pause, 2);
    }
  }

  /** Cancel jobs of this client; return those that were told to stop. */
  async cancel(jobIds) {
    return (await this.call("EditService/Cancel", { jobIds })).jobIds ?? [];
  }

  /** Return this client's jobs (of one document), in the order in which they came. */
  async jobs(documentId = "") {
    return (await this.call("EditService/ListJobs", { documentId })).jobs ?? [];
  }

  /** Do something that is harmless twice; wait for a daemon that is gone. Throws Stopped. */
  patiently(act, stop = new Stop(), seconds = this.giveUp) {
    return patiently(act, seconds, stop);
  }

  /** Close the socket; jobs go on. The object can still be used. */
  close() {
    this._socket.close();
  }

  async _ask(method, path, { body, headers = {}, bare = false, patience = this.timeout }) {
    const shown = bare ? {} : { Authorization: `Bearer ${this.token}` };
    const named = { "Retouch-Client": this.clientName };
    const given = { method, body, headers: { ...headers, ...shown, ...named } };
    let answer;
    try {
      answer = await this._inTime(this._fetch(`http://${this.address}${path}`, given), patience);
    } catch (problem) {
      if (problem instanceof RetouchError) throw problem;
      throw this._unreachable(problem);
    }
    if (answer.status >= 400 && method !== "HEAD") {
      throw errorOfAnswer(await answer.json().catch(() => ({})), answer.status);
    }
    return answer;
  }

  _inTime(answer, seconds) {
    let timer;
    const late = new Promise((_, reject) => {
      const words = new Error(`no answer for ${seconds} s`);
      timer = setTimeout(() => reject(this._lost(words)), seconds * 1000);
    });
    return Promise.race([answer, late]).finally(() => clearTimeout(timer));
  }

  /** `fetch` says "failed" of everything: only a refused connection is said to be one by node. */
  _unreachable(problem) {
    const cause = problem.cause?.code ?? "";
    if (cause && cause !== "ECONNREFUSED") return this._lost(problem);
    const fix = "start it with `retouch serve`";
    return new NotRunning(`Retouch does not answer at ${this.address}. Fix: ${fix}.`);
  }

  _lost(problem) {
    const why = problem.cause?.code ?? problem.message;
    const words = `The connection to Retouch at ${this.address} broke (${why})`;
    return new Lost(`${words}. Fix: try again; see whether \`retouch serve\` still runs.`);
  }

  _away(problem) {
    const words = `Retouch at ${this.address} has been gone for ${this.giveUp} s`;
    const fix = "start it with `retouch serve`; the edit goes on there, see the history";
    return new Lost(`${words} (${problem.message.split(". Fix")[0]}). Fix: ${fix}.`);
  }
}
