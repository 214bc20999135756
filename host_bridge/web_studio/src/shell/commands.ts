import { signal } from "@preact/signals";
import { picture, openPicture } from "../session/document.ts";
import { cancelRun, run } from "../session/edit_run.ts";
import { applyExpansion, expands, NONE, sides } from "../session/expand.ts";
import { clearMask, invertMask, selectAll } from "../session/mask.ts";
import { fail } from "../session/notices.ts";
import { openRecipe } from "../session/recipe_files.ts";
import { choose, chosen, comparing, peeking, slots, variant } from "../session/results.ts";
import { keepVariant, startEdit } from "../session/start_edit.ts";
import {
  changeBrush,
  brush,
  maskShown,
  resizeBrush,
  tool,
  type ToolName,
} from "../session/tools.ts";
import { redo, undo } from "../session/undo.ts";
import { download } from "../session/variants.ts";
import { fit, fitAround, zoomStep, zoomTo } from "../stage/view.ts";
import { nextTheme } from "./theme.ts";

export const shortcutsOpen = signal(false);
export type PanelTab = "edit" | "history";
export const panelTab = signal<PanelTab>("edit");

/** Asks for a file, as the open button does. */
export function chooseFile(): void {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = "image/png,image/jpeg,image/webp,image/*";
  input.onchange = () => {
    const file = input.files?.[0];
    if (file) openPicture(file, file.name).catch(fail);
  };
  input.click();
}

/** Fills the panel with a recipe, of which the pictures that it names are given, too. */
export async function useRecipe(files: readonly File[]): Promise<void> {
  try {
    await openRecipe(files);
    panelTab.value = "edit";
  } catch (problem) {
    fail(problem);
  }
}

export function useTool(name: ToolName): void {
  const open = picture.value;
  if (tool.value === "expand" && name !== "expand") sides.value = NONE;
  if (name === "expand" && tool.value !== "expand" && open) roomAround(open);
  tool.value = name;
}

/** Leaves room for the edges to be dragged to. */
function roomAround(open: { width: number; height: number }): void {
  const [across, down] = [open.width * 0.3, open.height * 0.3];
  fitAround(open, { left: across, right: across, top: down, bottom: down });
}

export function toggleCompare(): void {
  comparing.value = comparing.value === null && variant.value ? 0.5 : null;
}

export function stepVariant(direction: 1 | -1): void {
  const all = slots.value.length;
  if (all > 0) choose(((chosen.value + 1 + direction + all + 1) % (all + 1)) - 1);
}

export function downloadChosen(): void {
  const open = picture.value;
  if (open && variant.value) download(variant.value, open.name);
}

/** Ends what is open, the nearest thing first. */
export function escape(): void {
  if (shortcutsOpen.value) shortcutsOpen.value = false;
  else if (comparing.value !== null) comparing.value = null;
  else if (run.value) cancelRun();
  else if (tool.value === "expand") useTool("brush");
}

export function confirm(): void {
  if (tool.value === "expand" && expands(sides.value)) void applyExpansion();
  else void keepVariant();
}

export function focusPrompt(): void {
  panelTab.value = "edit";
  requestAnimationFrame(() => document.getElementById("prompt")?.focus());
}

const onPicture = (act: (open: { width: number; height: number }) => void) => () => {
  if (picture.value) act(picture.value);
};

/** A command and its keys: `Mod` is Control, on a Mac Command. */
export interface Shortcut {
  readonly keys: string;
  readonly label: string;
  readonly run: () => void;
  /** Also while a text field has the focus. */
  readonly inText?: boolean;
}

export interface ShortcutGroup {
  readonly title: string;
  readonly shortcuts: readonly Shortcut[];
}

export const SHORTCUTS: readonly ShortcutGroup[] = [
  {
    title: "Edit",
    shortcuts: [
      { keys: "Mod+Enter", label: "Generate", run: startEdit, inText: true },
      { keys: "Escape", label: "Cancel, or close what is open", run: escape, inText: true },
      { keys: "/", label: "Write the prompt", run: focusPrompt },
      { keys: "Mod+O", label: "Open a picture", run: chooseFile, inText: true },
      { keys: "Mod+S", label: "Download the signed file", run: downloadChosen, inText: true },
      { keys: "Mod+Z", label: "Undo", run: undo },
      { keys: "Mod+Shift+Z", label: "Redo", run: redo },
      {
        keys: "T",
        label: "Edit and history",
        run: () => (panelTab.value = panelTab.value === "edit" ? "history" : "edit"),
      },
    ],
  },
  {
    title: "Mask",
    shortcuts: [
      { keys: "B", label: "Brush", run: () => useTool("brush") },
      { keys: "E", label: "Eraser", run: () => useTool("eraser") },
      { keys: "R", label: "Rectangle", run: () => useTool("rectangle") },
      { keys: "C", label: "Expand the canvas", run: onPicture(() => useTool("expand")) },
      { keys: "[", label: "Smaller brush", run: () => resizeBrush(-1) },
      { keys: "]", label: "Larger brush", run: () => resizeBrush(1) },
      {
        keys: "Shift+[",
        label: "Softer brush",
        run: () => changeBrush({ hardness: brush.value.hardness - 0.1 }),
      },
      {
        keys: "Shift+]",
        label: "Harder brush",
        run: () => changeBrush({ hardness: brush.value.hardness + 0.1 }),
      },
      { keys: "I", label: "Invert the mask", run: invertMask },
      { keys: "Mod+A", label: "Select everything", run: selectAll },
      { keys: "Mod+D", label: "Clear the mask", run: clearMask },
      {
        keys: "M",
        label: "Show or hide the mask",
        run: () => (maskShown.value = !maskShown.value),
      },
    ],
  },
  {
    title: "Look",
    shortcuts: [
      { keys: "H", label: "Hand", run: () => useTool("hand") },
      { keys: "+", label: "Zoom in", run: onPicture((open) => zoomStep(1, open)) },
      { keys: "-", label: "Zoom out", run: onPicture((open) => zoomStep(-1, open)) },
      { keys: "0", label: "Fit the window", run: onPicture(fit) },
      { keys: "1", label: "100 %", run: onPicture((open) => zoomTo(1, open)) },
      { keys: "D", label: "Light, dark, as the system", run: nextTheme },
      {
        keys: "?",
        label: "These shortcuts",
        run: () => (shortcutsOpen.value = !shortcutsOpen.value),
      },
    ],
  },
  {
    title: "Variants",
    shortcuts: [
      { keys: ".", label: "Next variant", run: () => stepVariant(1) },
      { keys: ",", label: "Previous variant", run: () => stepVariant(-1) },
      { keys: "Y", label: "Before and after", run: toggleCompare },
      { keys: "Mod+K", label: "Keep: go on from this variant", run: confirm, inText: true },
      { keys: "V", label: "Original while held", run: () => (peeking.value = true) },
    ],
  },
];
