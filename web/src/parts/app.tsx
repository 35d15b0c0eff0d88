import { useSignal } from "@preact/signals";
import type { FunctionComponent } from "preact";
import { useEffect } from "preact/hooks";
import { opened, openFiles } from "../model.ts";
import { t } from "../strings/index.ts";
import { type Mode, mode } from "../write.ts";
import { Compare } from "./compare.tsx";
import { Desk } from "./desk.tsx";
import { Header } from "./header.tsx";
import { Models, showModels } from "./models.tsx";
import { Notices } from "./notices.tsx";
import { Served } from "./served.tsx";
import { Speed } from "./speed.tsx";

const PARTS: Readonly<Record<Mode, FunctionComponent>> = {
  server: Served,
  write: Desk,
  chat: Desk,
  compare: Compare,
  speed: Speed,
};

export function App() {
  const Shown = PARTS[mode.value];
  return (
    <>
      <a class="skip" href="#main">
        {t("skip")}
      </a>
      <Header />
      <Notices />
      <main class="main" id="main" tabIndex={-1} data-mode={mode.value}>
        <Shown />
      </main>
      {showModels.value && <Models />}
      <Drop />
      <span hidden data-ready={opened.value !== undefined} />
    </>
  );
}

/** Any file that is dropped on the page is opened as a model. */
function Drop() {
  const over = useSignal(false);
  useEffect(() => {
    const isFile = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const drag = (event: DragEvent) => {
      if (!isFile(event)) return;
      event.preventDefault();
      over.value = true;
    };
    const leave = (event: DragEvent) => {
      if (!event.relatedTarget) over.value = false;
    };
    const drop = (event: DragEvent) => {
      const files = event.dataTransfer?.files ?? [];
      over.value = false;
      if (files.length === 0) return;
      event.preventDefault();
      showModels.value = false;
      void openFiles(files);
    };
    addEventListener("dragover", drag);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", drag);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, []);
  return over.value ? <div class="drop">{t("dropHere")}</div> : null;
}
