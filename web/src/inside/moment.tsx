import type { ComponentChildren } from "preact";
import { length, moment } from "../selection.ts";
import { t } from "../strings/index.ts";
import { running } from "../write.ts";

/** Scrubs through the text. */
export function Moment({ id, children }: { id: string; children?: ComponentChildren }) {
  const count = length.value;
  const at = Math.min(moment.value ?? count, count);
  return (
    <div class="slider moment">
      <label for={id}>{t("scrub")}</label>
      <output for={id}>{t("positionOf", { at, count })}</output>
      <input
        id={id}
        type="range"
        min={1}
        max={count}
        value={at}
        disabled={running.value !== undefined}
        onInput={({ currentTarget }) => (moment.value = Number(currentTarget.value))}
      />
      {children}
    </div>
  );
}
