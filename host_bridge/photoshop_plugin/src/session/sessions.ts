/** The newest edit of each document. */

import { OpenDocument } from "../photoshop/open_document.ts";
import { moveHistory } from "./history.ts";
import type { Session } from "./session.ts";

export class Sessions {
  private all: Session[] = [];
  /** Document id -> the key by which it was known last. */
  private readonly keys = new Map<number, string>();

  /** The edit of a document; null = there is none. */
  of(document: OpenDocument | null): Session | null {
    return this.all.find((each) => each.documentId === document?.id) ?? null;
  }

  /** The daemon's names of all edits that are shown. */
  jobs(): string[] {
    return this.all.map((each) => each.jobId).filter((each) => each);
  }

  /** Have a session be the one of its document. */
  add(session: Session): void {
    this.all = [session, ...this.all.filter((each) => each.documentId !== session.documentId)];
  }

  /**
   * Notice that a document was saved under a name, or opened again: its edit and its history belong
   * to it still. Return its edit; null = there is none.
   */
  follow(document: OpenDocument | null): Session | null {
    if (!document) return null;
    const { id, key } = document;
    const before = this.keys.get(id);
    if (before && before !== key) moveHistory(before, key);
    this.keys.set(id, key);
    const own = this.of(document);
    if (own) {
      own.renamed(key);
      return own;
    }
    const closed = (each: Session) =>
      each.documentKey === key && !OpenDocument.ofId(each.documentId);
    const again = this.all.find(closed) ?? null;
    if (again) again.documentId = id;
    return again;
  }
}
