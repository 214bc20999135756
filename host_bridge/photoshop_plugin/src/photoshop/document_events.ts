/** Hearing of what happens to documents; Photoshop has no event for a selection that is enough. */

import { action } from "photoshop";

const EVENTS = ["select", "open", "close", "make", "delete", "save", "newDocument", "set"];

/** Have a function called after something happened to documents or layers. */
export function onDocumentChange(tell: () => void): void {
  let planned = false;
  const soon = () => {
    if (planned) return;
    planned = true;
    setTimeout(() => {
      planned = false;
      tell();
    }, 50);
  };
  action.addNotificationListener(EVENTS, soon).catch(() => {});
}
