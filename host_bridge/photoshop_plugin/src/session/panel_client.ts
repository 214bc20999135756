/**
 * The kit's client, which also gets along without a WebSocket. What origin UXP gives its sockets is
 * not documented, and the gateway lets in only those that have paired: where a socket is refused, the
 * same calls go by `fetch`. UXP gives a body as a whole, so events come when the job is over.
 */

import { Retouch } from "@kit/client.js";
import { NotRunning, errorOfAnswer } from "@kit/failures.js";
import { Stop, Stopped } from "@kit/patience.js";

/** Connect's flag of the last frame. */
const END = 2;
const HEAD = 5;

type Message = Record<string, unknown>;

export class PanelClient extends Retouch {
  private hasSocket = true;

  constructor(
    private readonly place: string,
    private readonly secret: string,
    private readonly name: string,
    options: { timeout?: number } = {},
  ) {
    super(place, secret, name, options);
  }

  override async *stream(method: string, message: Message, stop = new Stop()) {
    if (this.hasSocket) {
      try {
        yield* super.stream(method, message as never, stop);
        return;
      } catch (problem) {
        if (!(problem instanceof NotRunning)) throw problem;
        await this.hello(); // it throws where the daemon is gone, too
        this.hasSocket = false;
      }
    }
    yield* this.whole(method, message, stop);
  }

  private async *whole(method: string, message: Message, stop: Stop) {
    const answer = fetch(`http://${this.place}/retouch.v1.${method}`, {
      method: "POST",
      body: framed(message),
      headers: {
        "Content-Type": "application/connect+json",
        Authorization: `Bearer ${this.secret}`,
        "Retouch-Client": this.name,
      },
    }).then((found) => found.arrayBuffer());
    const body = await untilStopped(answer, stop);
    if (body) yield* frames(new Uint8Array(body));
  }
}

/** One frame: a flag, the length, the message. JSON in ASCII, as UXP documents no TextEncoder. */
function framed(message: Message): ArrayBuffer {
  const text = JSON.stringify(message).replace(/[^ -~]/g, (each) => {
    return `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  const found = new Uint8Array(HEAD + text.length);
  new DataView(found.buffer).setUint32(1, text.length);
  for (let i = 0; i < text.length; i++) found[HEAD + i] = text.charCodeAt(i);
  return found.buffer;
}

/** The messages in a body; the end frame may be an error. */
async function* frames(body: Uint8Array) {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  for (let at = 0; at + HEAD <= body.length;) {
    const [flag, length] = [view.getUint8(at), view.getUint32(at + 1)];
    const part = body.slice(at + HEAD, at + HEAD + length);
    const message = await new Response(part).json();
    if (flag & END) {
      if (message.error) throw errorOfAnswer(message.error);
      return;
    }
    yield message;
    at += HEAD + length;
  }
  throw new NotRunning("The answer of Retouch was cut. Fix: start it with `retouch serve`.");
}

function untilStopped<T>(wanted: Promise<T>, stop: Stop): Promise<T> {
  return new Promise((resolve, reject) => {
    const forget = stop.hear(() => reject(new Stopped("stopped")));
    const over = (tell: () => void) => {
      forget();
      tell();
    };
    wanted.then(
      (found) => over(() => resolve(found)),
      () => over(() => reject(new NotRunning("Retouch is gone. Fix: run `retouch serve`."))),
    );
  });
}
