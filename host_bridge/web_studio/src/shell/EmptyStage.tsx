import { Icon } from "../icons/Icon.tsx";
import { opening } from "../session/document.ts";
import { chooseFile } from "./commands.ts";
import { keyNames } from "./keyboard.ts";

export function EmptyStage() {
  return (
    <div class="empty">
      <div class="empty-frame">
        <Icon name="picture" />
        <h2>{opening.value ? "Opening" : "Open a picture to begin"}</h2>
        <p>Drop it here, paste it, or choose a file.</p>
        <button type="button" class="button primary" onClick={chooseFile}>
          Choose a picture
        </button>
        <p class="faint">
          PNG, JPEG or WebP, at the depth and profile it has.{" "}
          <span>
            {keyNames("Mod+O").map((key) => (
              <kbd key={key}>{key}</kbd>
            ))}
          </span>
        </p>
      </div>
    </div>
  );
}
