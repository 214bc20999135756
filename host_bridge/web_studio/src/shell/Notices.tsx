import { Icon } from "../icons/Icon.tsx";
import { announcement, notice } from "../session/notices.ts";

/** One sentence over the picture; errors stay until they are closed. */
export function NoticeBar() {
  const said = notice.value;
  return (
    <div class="notices" data-overlay>
      {said && (
        <div class="notice" data-kind={said.kind} role={said.kind === "error" ? "alert" : "status"}>
          {said.kind === "error" && <Icon name="alert" />}
          <p>{said.text}</p>
          <button
            type="button"
            class="tool small"
            aria-label="Close"
            onClick={() => (notice.value = null)}
          >
            <Icon name="close" />
          </button>
        </div>
      )}
    </div>
  );
}

export function LiveRegion() {
  return (
    <div class="unseen" id="announcements" role="status" aria-live="polite">
      {announcement.value}
    </div>
  );
}
