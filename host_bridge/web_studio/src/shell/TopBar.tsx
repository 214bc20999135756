import { Icon } from "../icons/Icon.tsx";
import { answering } from "../session/daemon.ts";
import { picture } from "../session/document.ts";
import { comparing, variant } from "../session/results.ts";
import { chooseFile, downloadChosen, shortcutsOpen, toggleCompare } from "./commands.ts";
import { nextTheme, theme } from "./theme.ts";

const THEME_ICON = { system: "auto", light: "sun", dark: "moon" } as const;
const THEME_WORDS = { system: "as the system", light: "light", dark: "dark" } as const;

export function TopBar() {
  const open = picture.value;
  return (
    <header class="bar">
      <div class="bar-side">
        <h1 class="mark">
          <i aria-hidden="true" />
          Retouch
        </h1>
        <button type="button" class="button plain" onClick={chooseFile}>
          <Icon name="open" />
          Open
        </button>
      </div>
      <p class="document-name">
        {open && (
          <>
            <span title={open.name}>{open.name}</span>
            <span class="number faint">
              {open.width} × {open.height}
            </span>
          </>
        )}
        {!answering.value && <span class="lost">Daemon does not answer; trying again</span>}
      </p>
      <div class="bar-side end">
        <button
          type="button"
          class="tool"
          aria-label={`Theme: ${THEME_WORDS[theme.value]}`}
          title={`Theme: ${THEME_WORDS[theme.value]} (D)`}
          onClick={nextTheme}
        >
          <Icon name={THEME_ICON[theme.value]} />
        </button>
        <button
          type="button"
          class="tool"
          aria-label="Keyboard shortcuts"
          title="Keyboard shortcuts (?)"
          onClick={() => (shortcutsOpen.value = true)}
        >
          <Icon name="help" />
        </button>
        <button
          type="button"
          class="tool"
          aria-label="Before and after"
          title="Before and after (Y)"
          aria-pressed={comparing.value !== null}
          disabled={!variant.value}
          onClick={toggleCompare}
        >
          <Icon name="compare" />
        </button>
        <button
          type="button"
          class="button"
          id="download"
          disabled={!variant.value}
          title="Download the signed file (Ctrl+S)"
          onClick={downloadChosen}
        >
          <Icon name="download" />
          Download
        </button>
      </div>
    </header>
  );
}
