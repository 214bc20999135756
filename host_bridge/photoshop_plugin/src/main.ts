/** Where UXP begins: it asks for the panel of the manifest. */

import { entrypoints } from "uxp";
import { Panel } from "./panel/panel.ts";

let panel: Panel | null = null;

/** UXP calls `create` or `show` first, and `show` only once. */
function appear(root: HTMLElement): void {
  panel ??= new Panel(root);
}

entrypoints.setup({ panels: { retouch: { create: appear, show: appear } } });
