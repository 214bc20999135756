// Stand-ins for the Spectrum widgets that UXP draws itself: the same names, properties and events.

const SPECTRUM = [
  ...["sp-action-button", "sp-body", "sp-button", "sp-checkbox", "sp-detail", "sp-divider"],
  ...["sp-heading", "sp-label", "sp-menu", "sp-menu-item", "sp-picker", "sp-progressbar"],
  ...["sp-slider", "sp-textarea", "sp-textfield"],
];
const Observer = globalThis.MutationObserver;
const Registry = globalThis.customElements;
const NativeElement = globalThis.HTMLElement;

const LOOK = `
  :host { display: inline-block; box-sizing: border-box; font: 12px/1.4 "Source Sans 3", "Source Sans Pro", sans-serif; }
  :host([disabled]) { opacity: .45; pointer-events: none; }
  * { box-sizing: border-box; font: inherit; color: inherit; }
  button, input, textarea, select { width: 100%; border-radius: 4px; }
  :focus-visible { outline: 2px solid #2680eb; outline-offset: 1px; }
  input:not([type=range]):not([type=checkbox]), textarea, select {
    background: var(--shim-field); border: 1px solid var(--shim-border); padding: 3px 8px; min-height: 26px; }
  textarea { resize: vertical; min-height: 52px; display: block; }
`;

class ShimWidget extends NativeElement {
  constructor(inside, look = "") {
    super();
    this.attachShadow({ mode: "open" }).innerHTML = `<style>${LOOK}${look}</style>${inside}`;
  }

  get inner() {
    return this.shadowRoot.querySelector("[part=inner]");
  }

  get disabled() {
    return this.hasAttribute("disabled");
  }

  set disabled(value) {
    this.toggleAttribute("disabled", Boolean(value));
    if ("disabled" in this.inner) this.inner.disabled = Boolean(value);
  }

  /** `change` does not leave a shadow tree by itself. */
  retell(kind) {
    this.inner.addEventListener(kind, () => this.dispatchEvent(new Event(kind, { bubbles: true })));
  }

  static get observedAttributes() {
    return ["aria-label", "placeholder", "value", "type", "min", "max"];
  }

  attributeChangedCallback(name, _, value) {
    if (name === "value" && "value" in this.inner) this.inner.value = value;
    else this.inner.setAttribute(name, value);
  }
}

const pressable = (look) =>
  class extends ShimWidget {
    constructor() {
      super("<button part=inner><slot></slot></button>", look);
    }
  };

const BUTTON = `
  button { border: 2px solid var(--shim-strong); background: transparent; border-radius: 16px;
    padding: 4px 14px; font-weight: 600; min-height: 30px; }
  :host([variant=cta]) button { background: #1473e6; border-color: #1473e6; color: #fff; }
  :host([variant=secondary]) button { border-color: var(--shim-border); }
`;
const ACTION = `
  button { border: 1px solid var(--shim-border); background: transparent; padding: 2px 8px; min-height: 24px; }
  :host([quiet]) button { border-color: transparent; }
  button:hover { background: var(--shim-hover); }
`;

const typed = (inside) =>
  class extends ShimWidget {
    constructor() {
      super(inside);
      this.retell("change");
    }

    get value() {
      return this.inner.value;
    }

    set value(value) {
      this.inner.value = value;
    }
  };

class ShimCheckbox extends ShimWidget {
  constructor() {
    super("<label><input type=checkbox part=inner> <slot></slot></label>", LOOK_CHECK);
    this.retell("change");
  }

  get checked() {
    return this.inner.checked;
  }

  set checked(value) {
    this.inner.checked = Boolean(value);
  }
}
const LOOK_CHECK = "input { width: 14px; vertical-align: -2px; accent-color: #1473e6; }";

class ShimPicker extends ShimWidget {
  constructor() {
    super("<select part=inner></select><slot name=options hidden></slot>");
    this.retell("change");
    new Observer(() => this.draw()).observe(this, { childList: true, subtree: true });
  }

  draw() {
    const items = [...this.querySelectorAll("sp-menu-item")];
    const words = items.map((each) => each.textContent);
    const before = this.inner.selectedIndex;
    if (words.join("\n") === this.drawn) return;
    this.drawn = words.join("\n");
    this.inner.replaceChildren(...words.map((each) => new Option(each)));
    const marked = items.findIndex((each) => each.hasAttribute("selected"));
    this.inner.selectedIndex = marked >= 0 ? marked : before;
  }

  get selectedIndex() {
    this.draw();
    return this.inner.selectedIndex;
  }

  set selectedIndex(index) {
    this.draw();
    this.inner.selectedIndex = index;
  }
}
const Option = globalThis.Option;

class ShimProgress extends ShimWidget {
  constructor() {
    super(
      "<progress part=inner></progress>",
      "progress { width: 100%; height: 6px; accent-color: #1473e6; }",
    );
  }
}

class ShimText extends ShimWidget {
  constructor() {
    super("<span part=inner><slot></slot></span>", ":host { display: block; }");
  }
}

class ShimDetail extends ShimWidget {
  constructor() {
    super(
      "<span part=inner><slot></slot></span>",
      ":host { display: block; font-size: 11px; font-weight: 700; letter-spacing: .06em; text-transform: uppercase; }",
    );
  }
}

function defineWidgets() {
  const hidden = class extends ShimText {};
  const kinds = {
    "sp-button": pressable(BUTTON),
    "sp-action-button": pressable(ACTION),
    "sp-textfield": typed("<input part=inner>"),
    "sp-textarea": typed("<textarea part=inner rows=2></textarea>"),
    "sp-slider": typed('<input type=range part=inner style="accent-color: var(--shim-strong)">'),
    "sp-checkbox": ShimCheckbox,
    "sp-picker": ShimPicker,
    "sp-progressbar": ShimProgress,
    "sp-label": class extends ShimText {},
    "sp-body": class extends ShimText {},
    "sp-heading": class extends ShimText {},
    "sp-detail": ShimDetail,
    "sp-divider": class extends ShimText {},
    "sp-menu": hidden,
    "sp-menu-item": class extends ShimText {},
  };
  for (const [name, kind] of Object.entries(kinds)) Registry.define(name, kind);
}
