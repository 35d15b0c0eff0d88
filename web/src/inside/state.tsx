import { signal, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Head, StateTensor } from "wkv";
import { repaints } from "../look.ts";
import { opened } from "../model.ts";
import { saveAs, saveCanvas } from "../save.ts";
import { length, moment } from "../selection.ts";
import { t } from "../strings/index.ts";
import { changes, current } from "../tree.ts";
import { running } from "../write.ts";
import { stateAfter } from "./follow.ts";
import { Moment } from "./moment.tsx";
import { difference, draw, geometryOf, rms, type Tile, tilesOf } from "./picture.ts";

/** A moment that is subtracted from the one shown. */
const pinned = signal<{ at: number; state: StateTensor[] } | undefined>(undefined);
const head = signal<Head>({ layer: 0, head: 0 });
const cuts = signal<readonly Head[]>([]);

opened.subscribe(() => {
  pinned.value = undefined;
  cuts.value = [];
  head.value = { layer: 0, head: 0 };
});

/** The state as a picture, at any moment of the text, also while the text is being made. */
export function State() {
  changes.value;
  const canvas = useRef<HTMLCanvasElement>(null);
  const state = useSignal<readonly StateTensor[]>([]);
  const count = length.value;
  const at = Math.min(moment.value ?? count, count);
  const ids = current.value.ids;
  useEffect(() => {
    let isCurrent = true;
    void stateAfter(ids.slice(0, at)).then((values) => {
      if (values && (isCurrent || running.value)) state.value = values;
    });
    return () => {
      isCurrent = false;
    };
  }, [at, ids, cuts.value]);
  const base = pinned.value;
  const shown = useMemo(() => (base ? difference(state.value, base.state) : state.value), [state.value, base]);
  const tiles = tilesOf(shown);
  useEffect(() => {
    let isWanted = true;
    if (canvas.current && tiles.length > 0) void draw(canvas.current, tiles, () => isWanted);
    return () => {
      isWanted = false;
    };
  }, [shown, repaints.value]);
  const { columns, rows, step } = geometryOf(tiles);
  const values = state.value.reduce((sum, tensor) => sum + tensor.values.length, 0);
  const pick = ({ offsetX, offsetY, currentTarget }: MouseEvent) => {
    const { clientWidth, clientHeight } = currentTarget as HTMLCanvasElement;
    head.value = {
      layer: Math.min(rows - 1, Math.floor((offsetY / clientHeight) * rows)),
      head: Math.min(columns - 1, Math.floor((offsetX / clientWidth) * columns)),
    };
  };
  const { layer, head: column } = head.value;
  return (
    <>
      <p class="hint">{t("stateHint", { count: values.toLocaleString() })}</p>
      <div class="picture" style={{ "--columns": columns, "--rows": rows }}>
        <canvas
          ref={canvas}
          role="img"
          aria-label={t("statePicture", { at, layers: rows, heads: columns, size: step - 2 })}
          onClick={pick}
        />
        <span
          class="frame"
          style={{
            left: `${(100 * column) / columns}%`,
            top: `${(100 * layer) / rows}%`,
            width: `${100 / columns}%`,
            height: `${100 / rows}%`,
          }}
        />
      </div>
      <Moment id="moment">
        <Play at={at} count={count} drawn={state.value} />
      </Moment>
      <p class="buttons">
        <button
          type="button"
          aria-pressed={base !== undefined}
          onClick={() => (pinned.value = base ? undefined : { at, state: [...state.value] })}
        >
          {t(base ? "unpin" : "pin")}
        </button>
        <button type="button" class="quiet" onClick={() => canvas.current && saveCanvas("state.png", canvas.current)}>
          {t("savePng")}
        </button>
        <button
          type="button"
          class="quiet"
          onClick={() => canvas.current && saveAs("state.svg", toSvg(canvas.current, columns, rows), "image/svg+xml")}
        >
          {t("saveSvg")}
        </button>
        <button type="button" class="quiet" onClick={() => saveAs("state.json", toJson(shown), "application/json")}>
          {t("saveJson")}
        </button>
      </p>
      {base && <p class="hint">{t("pinned", { at: base.at })}</p>}
      <HeadFacts tile={tiles[layer]?.[column]} rows={rows} columns={columns} />
    </>
  );
}

/** The shortest step of Play. */
const STEP_MS = 40;

/** Walks through the text from the moment, or from its beginning: the next step comes when a state is drawn. */
function Play({ at, count, drawn }: { at: number; count: number; drawn: unknown }) {
  const isPlaying = useSignal(false);
  useEffect(() => {
    if (!isPlaying.value) return undefined;
    if (at >= count) {
      isPlaying.value = false;
      return undefined;
    }
    const timer = setTimeout(() => (moment.value = at + 1), STEP_MS);
    return () => clearTimeout(timer);
  }, [isPlaying.value, drawn]);
  const toggle = () => {
    if (!isPlaying.value && at >= count) moment.value = 1;
    isPlaying.value = !isPlaying.value;
  };
  const label = t(isPlaying.value ? "pause" : "play");
  return (
    <button
      type="button"
      class="quiet play"
      aria-label={label}
      title={label}
      disabled={running.value !== undefined}
      onClick={toggle}
    >
      <svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
        <path d={isPlaying.value ? "M2 1h4v12H2zM8 1h4v12H8z" : "M2 1l11 6l-11 6z"} />
      </svg>
    </button>
  );
}

function HeadFacts({ tile, rows, columns }: { tile: Tile | undefined; rows: number; columns: number }) {
  const { layer, head: column } = head.value;
  if (!tile) return null;
  const max = tile.values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const isCut = cuts.value.some((cut) => cut.layer === layer && cut.head === column);
  const canCut = (opened.value?.model.info.headSize ?? 0) > 0;
  const toggle = async () => {
    const others = cuts.value.filter((cut) => cut.layer !== layer || cut.head !== column);
    await cut(isCut ? others : [...others, { layer, head: column }]);
  };
  return (
    <div class="head-facts">
      <p class="field">
        <label for="layer">{t("layer")}</label>
        <input
          id="layer"
          type="number"
          min={1}
          max={rows}
          value={layer + 1}
          onInput={({ currentTarget: { valueAsNumber } }) => pickHead(valueAsNumber - 1, column, rows, columns)}
        />
        <label for="head">{t("headNumber")}</label>
        <input
          id="head"
          type="number"
          min={1}
          max={columns}
          value={column + 1}
          onInput={({ currentTarget: { valueAsNumber } }) => pickHead(layer, valueAsNumber - 1, rows, columns)}
        />
        {canCut && (
          <button type="button" aria-pressed={isCut} disabled={running.value !== undefined} onClick={toggle}>
            {t(isCut ? "uncut" : "cut")}
          </button>
        )}
      </p>
      <p class="hint">{t("headFacts", { max: max.toPrecision(3), rms: rms([tile.values]).toPrecision(3) })}</p>
      {cuts.value.length > 0 && (
        <p class="warn">
          {t("cutHint", { count: cuts.value.length })}{" "}
          <button type="button" class="quiet" onClick={() => void cut([])}>
            {t("uncutAll")}
          </button>
        </p>
      )}
    </div>
  );
}

function pickHead(layer: number, column: number, rows: number, columns: number): void {
  if (layer >= 0 && layer < rows && column >= 0 && column < columns) head.value = { layer, head: column };
}

async function cut(heads: readonly Head[]): Promise<void> {
  await opened.value?.model.cutHeads(heads);
  cuts.value = heads;
}

const MARGIN = 28;

/** The picture with its layers and heads numbered. */
function toSvg(canvas: HTMLCanvasElement, columns: number, rows: number): string {
  const { width, height } = canvas;
  const label = (text: number, x: number, y: number) => `<text x="${x}" y="${y}">${text}</text>`;
  const heads = Array.from({ length: columns }, (_, i) => label(i + 1, MARGIN + ((i + 0.5) * width) / columns, 18));
  const layers = Array.from({ length: rows }, (_, i) => label(i + 1, 14, MARGIN + ((i + 0.6) * height) / rows));
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width + MARGIN}" height="${height + MARGIN}" ` +
    `font-family="sans-serif" font-size="12" text-anchor="middle">${heads.join("")}${layers.join("")}` +
    `<image x="${MARGIN}" y="${MARGIN}" width="${width}" height="${height}" href="${canvas.toDataURL()}"/></svg>`
  );
}

function toJson(state: readonly StateTensor[]): string {
  return JSON.stringify(state.map(({ name, shape, values }) => ({ name, shape, values: [...values] })));
}
