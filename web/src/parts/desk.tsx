import { signal } from "@preact/signals";
import { Inside } from "../inside/inside.tsx";
import type { Key } from "../strings/en.ts";
import { t } from "../strings/index.ts";
import { Composer } from "./composer.tsx";
import { SamplingPanel } from "./sampling.tsx";
import { Text } from "./text.tsx";
import { Tree } from "./tree.tsx";

type Panel = "text" | "tree" | "settings" | "inside";

const PANELS: readonly Panel[] = ["text", "tree", "settings", "inside"];

/** Which part a narrow screen shows; a wide one has room for all. */
export const panel = signal<Panel>("text");

export function Desk() {
  return (
    <div class="desk" data-panel={panel.value}>
      <aside class="side left" aria-label={`${t("tree")}, ${t("settings")}`}>
        <Tree />
        <SamplingPanel />
      </aside>
      <section class="page" aria-label={t("text")}>
        <Text />
        <Composer />
      </section>
      <aside class="side right" aria-label={t("inside")}>
        <Inside />
      </aside>
      <nav class="panels" aria-label={t("inside")}>
        {PANELS.map((name) => (
          <button
            type="button"
            key={name}
            aria-current={panel.value === name ? "true" : undefined}
            onClick={() => (panel.value = name)}
          >
            {t(name satisfies Key)}
          </button>
        ))}
      </nav>
    </div>
  );
}
