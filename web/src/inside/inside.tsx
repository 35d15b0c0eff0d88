import { signal } from "@preact/signals";
import type { FunctionComponent } from "preact";
import { opened } from "../model.ts";
import { t } from "../strings/index.ts";
import { changes, current } from "../tree.ts";
import { Charts } from "./charts.tsx";
import { Lens } from "./lens.tsx";
import { Probabilities } from "./probabilities.tsx";
import { State } from "./state.tsx";

const TABS = { probabilities: Probabilities, state: State, lens: Lens, charts: Charts } as const;

type Tab = keyof typeof TABS;

export const tab = signal<Tab>("state");

export function Inside() {
  changes.value;
  const names = Object.keys(TABS) as Tab[];
  const Shown: FunctionComponent = TABS[tab.value];
  return (
    <section class="panel inside">
      <h2>{t("inside")}</h2>
      <div class="tabs" role="tablist" aria-label={t("inside")} onKeyDown={(event) => moveTab(event, names)}>
        {names.map((name) => (
          <button
            type="button"
            role="tab"
            key={name}
            id={`tab-${name}`}
            aria-selected={tab.value === name}
            aria-controls="inside-panel"
            tabIndex={tab.value === name ? 0 : -1}
            onClick={() => (tab.value = name)}
          >
            {t(name)}
          </button>
        ))}
      </div>
      <div id="inside-panel" role="tabpanel" aria-labelledby={`tab-${tab.value}`}>
        {current.value.ids.length === 0 ? <Nothing /> : <Shown />}
      </div>
    </section>
  );
}

/** Before there is a text: a place for each head's part of the state. */
function Nothing() {
  const { layers, width, headSize } = opened.value?.model.info ?? { layers: 0, width: 0, headSize: 0 };
  return (
    <>
      <p class="muted">{t("noText")}</p>
      {headSize > 0 && (
        <div class="picture blank" style={{ "--columns": width / headSize, "--rows": layers }} aria-hidden="true" />
      )}
    </>
  );
}

function moveTab(event: KeyboardEvent, names: readonly Tab[]): void {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step === undefined) return;
  const next = names[(names.indexOf(tab.value) + step + names.length) % names.length] as Tab;
  tab.value = next;
  document.getElementById(`tab-${next}`)?.focus();
}
