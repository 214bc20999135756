import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../icons/Icon.tsx";
import { SHORTCUTS, shortcutsOpen } from "./commands.ts";
import { keyNames } from "./keyboard.ts";

export function Shortcuts() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = shortcutsOpen.value;
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog
      ref={dialog}
      class="shortcuts"
      aria-labelledby="shortcuts-title"
      onClose={() => (shortcutsOpen.value = false)}
    >
      <header>
        <h2 id="shortcuts-title">Keyboard shortcuts</h2>
        <button
          type="button"
          class="tool small"
          aria-label="Close"
          onClick={() => (shortcutsOpen.value = false)}
        >
          <Icon name="close" />
        </button>
      </header>
      {open && (
        <div class="shortcut-groups">
          {SHORTCUTS.map((group) => (
            <section key={group.title}>
              <h3>{group.title}</h3>
              <dl>
                {group.shortcuts.map((shortcut) => (
                  <div key={shortcut.keys}>
                    <dt>{shortcut.label}</dt>
                    <dd>
                      {keyNames(shortcut.keys).map((key) => (
                        <kbd key={key}>{key}</kbd>
                      ))}
                    </dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
          <section>
            <h3>Pointer</h3>
            <dl>
              <div>
                <dt>Pan</dt>
                <dd>
                  <kbd>Space</kbd> drag, or two fingers
                </dd>
              </div>
              <div>
                <dt>Zoom</dt>
                <dd>wheel, or pinch</dd>
              </div>
              <div>
                <dt>Erase with the brush</dt>
                <dd>
                  <kbd>Alt</kbd> drag
                </dd>
              </div>
            </dl>
          </section>
        </div>
      )}
    </dialog>
  );
}
