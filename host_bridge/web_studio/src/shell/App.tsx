import { useEffect } from "preact/hooks";
import { HistoryList } from "../history/HistoryList.tsx";
import { EditPanel } from "../panel/EditPanel.tsx";
import { GenerateBar } from "../panel/GenerateBar.tsx";
import { VariantStrip } from "../results/VariantStrip.tsx";
import { openPicture, opening, picture } from "../session/document.ts";
import { watchDaemon } from "../session/daemon.ts";
import { fail } from "../session/notices.ts";
import { isRecipe } from "../session/recipe_checks.ts";
import { Stage } from "../stage/Stage.tsx";
import { panelTab, type PanelTab, useRecipe } from "./commands.ts";
import { EmptyStage } from "./EmptyStage.tsx";
import { listenToKeys } from "./keyboard.ts";
import { LiveRegion, NoticeBar } from "./Notices.tsx";
import { Shortcuts } from "./Shortcuts.tsx";
import { ToolOptions } from "./ToolOptions.tsx";
import { ToolRail } from "./ToolRail.tsx";
import { TopBar } from "./TopBar.tsx";
import { ZoomBar } from "./ZoomBar.tsx";

export function App() {
  useEffect(listenToKeys, []);
  useEffect(listenToFiles, []);
  useEffect(watchDaemon, []);
  return (
    <div class="studio">
      <a class="skip" href="#prompt">
        To the prompt
      </a>
      <TopBar />
      <ToolRail />
      <main class="workspace" aria-label="Picture" aria-busy={opening.value}>
        <Stage />
        {picture.value ? <ToolOptions /> : <EmptyStage />}
        {picture.value && <ZoomBar />}
        <NoticeBar />
      </main>
      <VariantStrip />
      <Panel />
      <Shortcuts />
      <LiveRegion />
    </div>
  );
}

function Panel() {
  const shown = panelTab.value;
  return (
    <aside class="panel" aria-label="Edit and history">
      <div class="tabs" role="tablist" aria-label="Panel">
        <Tab name="edit" label="Edit" />
        <Tab name="history" label="History" />
      </div>
      <div class="tab-body" role="tabpanel" id={`panel-${shown}`} aria-labelledby={`tab-${shown}`}>
        {shown === "edit" ? <EditPanel /> : <HistoryList />}
      </div>
      <GenerateBar />
    </aside>
  );
}

function Tab({ name, label }: { name: PanelTab; label: string }) {
  const selected = panelTab.value === name;
  const key = (event: KeyboardEvent) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    panelTab.value = name === "edit" ? "history" : "edit";
    document.getElementById(`tab-${panelTab.value}`)?.focus();
  };
  return (
    <button
      type="button"
      role="tab"
      id={`tab-${name}`}
      aria-selected={selected}
      aria-controls={`panel-${name}`}
      tabIndex={selected ? 0 : -1}
      onClick={() => (panelTab.value = name)}
      onKeyDown={key}
    >
      {label}
    </button>
  );
}

/** Pictures and recipes that are dropped on the page or pasted into it. */
function listenToFiles(): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  const open = (files: DataTransfer | null) => {
    const all = [...(files?.files ?? [])];
    if (all.some(isRecipe)) {
      void useRecipe(all);
      return true;
    }
    const file = all.find((each) => each.type.startsWith("image/"));
    if (file) openPicture(file, file.name || "pasted.png").catch(fail);
    return file !== undefined;
  };
  const over = (event: DragEvent) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    document.body.dataset.dropping = "";
  };
  const out = () => delete document.body.dataset.dropping;
  const drop = (event: DragEvent) => {
    out();
    if (event.defaultPrevented || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    if (!open(event.dataTransfer))
      fail("That is not a picture; drop a PNG, JPEG or WebP file, or a recipe");
  };
  const paste = (event: ClipboardEvent) => {
    if (open(event.clipboardData)) event.preventDefault();
  };
  window.addEventListener("dragover", over, { signal });
  window.addEventListener("dragleave", (event) => event.relatedTarget === null && out(), {
    signal,
  });
  window.addEventListener("drop", drop, { signal });
  window.addEventListener("paste", paste, { signal });
  return () => controller.abort();
}
