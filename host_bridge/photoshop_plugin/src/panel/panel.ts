/** What the panel shows: choose a mode, fill in its form, generate, place; and the history. */

import { expansion } from "@kit/geometry.js";
import { modes, nativeSize, sentence } from "@kit/panel_form.js";
import type { Catalog, Expansion, Mode } from "../kit_types.ts";
import { onDocumentChange } from "../photoshop/document_events.ts";
import { OpenDocument } from "../photoshop/open_document.ts";
import { DaemonConnection, isStranger } from "../session/daemon_connection.ts";
import { atWorkIn } from "../session/edits_at_work.ts";
import { type HistoryEntry, historyOf, remembered } from "../session/history.ts";
import type { Order } from "../session/order.ts";
import { Session } from "../session/session.ts";
import { Sessions } from "../session/sessions.ts";
import { type Widget, button, element, emptied, show } from "./elements.ts";
import { Form } from "./form.ts";
import { HistoryView } from "./history_view.ts";
import { OutcomeView } from "./outcome_view.ts";
import { PairingView } from "./pairing_view.ts";
import { Picker } from "./picker.ts";

const TITLE = 40;

const wide = (words: string, name: string, variant: string, press: () => void) =>
  button(words, { variant, class: `${name} wide` }, press);

export class Panel {
  private catalog: Catalog = {};
  private told = "";
  private words = "Looking for Retouch …";
  private isStranger = false;
  private form: Form | null = null;
  private readonly forms = new Map<string, Form>();
  private readonly sessions = new Sessions();
  private readonly mode = new Picker<string>({ class: "wide mode", "aria-label": "Mode" }, (name) =>
    this.chooseMode(name),
  );
  private readonly help = element("div", { class: "help mode-help" });
  private readonly page = element("div", { class: "page" });
  private readonly further = element("div");
  private readonly outcome = new OutcomeView();
  private readonly history = new HistoryView(
    (entry) => this.fill(entry),
    (entry) => this.fill(entry) && void this.generate(),
  );
  private readonly pairing = new PairingView((code) => this.daemon.pair(code));
  private readonly generateButton = wide("Generate", "generate", "cta", () => void this.generate());
  private readonly cancelButton = wide("Cancel", "cancel", "secondary", () => {
    this.session?.cancel();
  });
  private readonly fetchButton = wide("Fetch the interrupted edit", "fetch", "primary", () =>
    this.fetch(),
  );
  private readonly editing: Widget;
  private readonly daemon = new DaemonConnection({
    onFound: (catalog) => this.found(catalog),
    onMissing: (words) => this.say(words, false),
    onStranger: () => this.say("", true),
  });

  constructor(root: HTMLElement) {
    const buttons = [this.generateButton, this.cancelButton, this.fetchButton];
    this.editing = element(
      "div",
      { class: "editing column" },
      ...[this.mode.element, this.help, this.page, ...buttons],
    );
    const { outcome, history, pairing, further } = this;
    for (const each of [pairing.element, this.editing, outcome.element, further, history.element]) {
      root.appendChild(each);
    }
    onDocumentChange(() => this.refresh());
    void this.daemon.start();
    this.refresh();
  }

  /** Show what belongs to the active document, and place what has waited for it. */
  refresh(): void {
    const document = OpenDocument.active();
    const session = this.sessions.follow(document);
    const layers = document?.layers() ?? [];
    for (const form of this.forms.values()) form.offer(layers);
    this.history.show(document ? historyOf(document.key) : []);
    this.show();
    void session?.placeWaiting();
  }

  private get session(): Session | null {
    return this.sessions.of(OpenDocument.active());
  }

  /** Show how far the edit of the active document is; that happens many times a second. */
  private show(): void {
    const { session, daemon } = this;
    const document = OpenDocument.active();
    const isRunning = session?.isRunning ?? false;
    show(this.pairing.element, this.isStranger);
    const isReady = this.form !== null && !this.isStranger;
    for (const each of [this.editing, this.further]) show(each, isReady);
    show(this.generateButton, !isRunning);
    show(this.cancelButton, isRunning);
    this.generateButton.disabled = !daemon.retouch || !document || Boolean(this.form?.mode.missing);
    const interrupted = document && !session && daemon.retouch ? this.interrupted(document) : null;
    show(this.fetchButton, interrupted !== null);
    const hint = document || !isReady ? "" : "Open a document to edit it.";
    const words = this.words || hint;
    this.outcome.show(session, words);
  }

  private async generate(): Promise<void> {
    const { form, daemon } = this;
    const document = OpenDocument.active();
    if (!document || !form || !daemon.retouch) return;
    const before = this.session;
    if (before?.isRunning) return;
    if (before?.isUndecided && before.variants.length) await before.place();
    try {
      const order = this.order(document, form);
      const session = this.begun(document, titleOf(form));
      await session.start(daemon.retouch, document, order);
    } catch (problem) {
      this.say(sentence(problem as Error), this.isStranger);
    }
  }

  private fetch(): void {
    const document = OpenDocument.active();
    const entry = document ? this.interrupted(document) : null;
    if (!document || !entry || !this.daemon.retouch) return;
    this.begun(document, entry.title).resume(this.daemon.retouch, entry);
    this.refresh();
  }

  private begun(document: OpenDocument, title: string): Session {
    this.words = "";
    const session: Session = new Session(document, title, () => this.changed(session));
    this.sessions.add(session);
    this.refresh();
    return session;
  }

  /** Something happened to a session: it may have come to the history, or been refused. */
  private changed(session: Session): void {
    if (!session.isRunning) this.history.show(historyOf(OpenDocument.active()?.key ?? ""));
    if (isStranger(session.error)) this.daemon.refused();
    this.show();
  }

  private order(document: OpenDocument, form: Form): Order {
    const { mode } = form;
    if (mode.missing) throw new RangeError(mode.missing);
    document.check();
    const values = form.values();
    const shortestSide = nativeSize(this.catalog, String(values.model ?? ""));
    const needsSides = mode.needs.includes("sides");
    const grown = needsSides ? grownCanvas(document, values, shortestSide) : null;
    return { mode, values, operations: form.operations(), shortestSide, expansion: grown };
  }

  private interrupted(document: OpenDocument) {
    return atWorkIn(document.key, this.sessions.jobs());
  }

  /** Fill in an edit of the history; tell whether it can be. */
  private fill(entry: HistoryEntry): boolean {
    try {
      const found = remembered(entry);
      this.mode.value = found.mode;
      this.chooseMode(found.mode);
      this.form?.fill(found.values, found.operations);
      return this.form !== null;
    } catch (problem) {
      this.say(sentence(problem as Error), this.isStranger);
      return false;
    }
  }

  private chooseMode(name: string): void {
    this.form = this.forms.get(name) ?? null;
    for (const each of [this.page, this.further]) emptied(each);
    if (!this.form) return;
    this.page.appendChild(this.form.element);
    this.further.appendChild(this.form.further);
    const { missing, help } = this.form.mode;
    this.help.textContent = missing || help;
    this.show();
  }

  private found(catalog: Catalog): void {
    const told = JSON.stringify(catalog);
    if (told !== this.told) {
      this.told = told;
      this.catalog = catalog;
      this.draw(modes(catalog) as unknown as Mode[]);
    }
    this.say("", false);
    this.refresh();
  }

  /** Draw the forms of all modes; an operation that is new appears by itself. */
  private draw(described: Mode[]): void {
    const before = this.mode.value ?? "";
    this.forms.clear();
    for (const each of described) this.forms.set(each.name, new Form(each));
    this.mode.offer(described.map((each) => [each.title, each.name]));
    this.mode.value = before;
    this.chooseMode(this.mode.value ?? "");
  }

  private say(words: string, isStranger: boolean): void {
    Object.assign(this, { words, isStranger });
    this.show();
  }
}

const SIDES = ["left", "top", "right", "bottom"];

function grownCanvas(document: OpenDocument, values: Order["values"], side: number): Expansion {
  const number = (name: string) => Math.trunc(Number(values[`expand.${name}`] ?? 0)) || 0;
  const sides = Object.fromEntries(SIDES.map((each) => [each, number(each)]));
  return expansion(document.canvas, sides as never, number("overlap"), undefined, side);
}

function titleOf(form: Form): string {
  const words = String(form.values().prompt ?? form.mode.title)
    .split(/\s+/)
    .join(" ");
  return words.length <= TITLE ? words : `${words.slice(0, TITLE - 1)}…`;
}
