/** Streams of answers over one WebSocket: UXP has no other way to hear of events as they happen. */

import { Lost, NotRunning, errorOfAnswer } from "./failures.js";
import { Stop, Stopped } from "./patience.js";

const SUBPROTOCOL = "retouch.v1.json";
/** Close code: the token is missing or wrong. */
const UNAUTHENTICATED = 4401;
/** Close code of a connection that broke. */
const ABNORMAL = 1006;

/**
 * One socket to a gateway, opened when it is needed, and again when it broke.
 *
 * @param {string} address "127.0.0.1:7862".
 * @param {string} token, clientName what it shows first.
 * @param {typeof WebSocket} Socket the host's own.
 */
export class EventSocket {
  constructor(address, token, clientName, Socket) {
    Object.assign(this, { address, token, clientName, Socket });
    this._socket = null;
    this._calls = new Map();
    this._last = 0;
  }

  /**
   * Make a call with a stream of answers; ending the iteration cancels it.
   *
   * Throws Stopped, NotRunning, Lost, Failed, Blocked.
   */
  async *stream(method, message, stop = new Stop()) {
    const socket = await this._opened();
    const id = String(++this._last);
    const call = new Waiting();
    this._calls.set(id, call);
    const forget = stop.hear(() => call.end(new Stopped("stopped")));
    let over = false;
    try {
      socket.send(JSON.stringify({ id, method, message }));
      for (;;) {
        const frame = await call.next();
        if (frame === null) {
          over = true;
          return;
        }
        yield frame;
      }
    } catch (problem) {
      over = !(problem instanceof Stopped);
      throw problem;
    } finally {
      forget();
      this._calls.delete(id);
      if (!over && socket === this._socket && socket.readyState === 1) {
        socket.send(JSON.stringify({ id, cancel: true }));
      }
    }
  }

  /** Close it; what goes on over it is lost. */
  close() {
    this._socket?.close();
    this._broken(this._socket, new Lost("The connection to Retouch was closed. Fix: try again."));
  }

  async _opened() {
    if (this._socket?.readyState === 1) return this._socket;
    this._opening ??= this._open().finally(() => {
      this._opening = null;
    });
    return this._opening;
  }

  _open() {
    return new Promise((resolve, reject) => {
      const socket = new this.Socket(`ws://${this.address}/v1/events`, SUBPROTOCOL);
      socket.onopen = () => {
        socket.send(JSON.stringify({ token: this.token, client: this.clientName }));
        this._socket = socket;
        resolve(socket);
      };
      socket.onmessage = (event) => this._take(event.data);
      const over = (code) => {
        const problem = this._problem(code, socket === this._socket);
        this._broken(socket, problem);
        reject(problem);
      };
      socket.onclose = (event) => over(event.code);
      // node says nothing else of a connection that was refused
      socket.onerror = () => over(ABNORMAL);
    });
  }

  _problem(code, wasOpen) {
    if (code === UNAUTHENTICATED) return errorOfAnswer({ code: "unauthenticated" });
    if (!wasOpen) {
      const fix = "start it with `retouch serve`";
      return new NotRunning(`Retouch does not answer at ${this.address}. Fix: ${fix}.`);
    }
    const words = `The connection to Retouch at ${this.address} broke (${code})`;
    return new Lost(`${words}. Fix: try again; see whether \`retouch serve\` still runs.`);
  }

  _broken(socket, problem) {
    if (socket !== this._socket) return;
    this._socket = null;
    for (const call of this._calls.values()) call.end(problem);
    this._calls.clear();
  }

  _take(text) {
    const frame = JSON.parse(text);
    const call = this._calls.get(String(frame.id));
    if (!call) return;
    if (frame.event) call.give(frame.event);
    if (frame.error) call.end(errorOfAnswer(frame.error));
    else if (frame.done) call.end(null);
  }
}

/** What has come for a call and is not read yet. */
class Waiting {
  constructor() {
    this._frames = [];
    this._ended = undefined;
    this._wake = () => {};
  }

  give(frame) {
    this._frames.push(frame);
    this._wake();
  }

  /** End it: null = well, else with an error; what has come before is read first. */
  end(problem) {
    this._ended ??= { problem };
    if (problem instanceof Stopped) this._frames.length = 0;
    this._wake();
  }

  /** The next frame; null where there is none any more. */
  async next() {
    while (!this._frames.length) {
      if (this._ended) {
        if (this._ended.problem) throw this._ended.problem;
        return null;
      }
      await new Promise((resolve) => {
        this._wake = resolve;
      });
    }
    return this._frames.shift();
  }
}
