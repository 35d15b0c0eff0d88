import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { opened } from "../model.ts";
import { saveAs, saveCanvas } from "../save.ts";
import { length, moment } from "../selection.ts";
import { percent, t } from "../strings/index.ts";
import { changes, current } from "../tree.ts";
import { running, sessionAt, tokenText } from "../write.ts";
import { Moment } from "./moment.tsx";

/** The likeliest next token after a layer. */
interface Cell {
  readonly token: number;
  readonly share: number;
}

interface Column {
  readonly read: number;
  /** After the embedding, and after each layer. */
  readonly cells: readonly Cell[];
}

/** Tokens that are shown side by side. */
const COLUMNS = 5;

/** What the head makes of the residual stream after every layer. */
export function Lens() {
  changes.value;
  const columns = useSignal<readonly Column[]>([]);
  const at = Math.min(moment.value ?? length.value, length.value);
  const busy = running.value !== undefined;
  const ids = current.value.ids;
  useEffect(() => {
    if (busy) return;
    const controller = new AbortController();
    look(ids.slice(0, at), controller.signal)
      .then((found) => {
        columns.value = found;
      })
      .catch(() => {}); // another moment was asked for
    return () => controller.abort();
  }, [at, ids, busy]);
  const found = columns.value;
  const layers = found[0]?.cells.length ?? 0;
  return (
    <>
      <p class="hint">{t("lensHint")}</p>
      <Moment id="lens-moment" />
      {layers === 0 ? (
        <p class="muted">{t("working")}</p>
      ) : (
        <section class="lens-scroll" tabIndex={0} aria-label={t("lensTable")}>
          <table class="lens">
            <caption class="visually-hidden">{t("lensTable")}</caption>
            <thead>
              <tr>
                <th scope="col">{t("layer")}</th>
                {found.map(({ read }, i) => (
                  <th scope="col" key={i} dir="auto">
                    {tokenText(read)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {Array.from({ length: layers }, (_, i) => layers - 1 - i).map((layer) => (
                <tr key={layer}>
                  <th scope="row">{layer === 0 ? "0" : layer}</th>
                  {found.map(({ cells }, i) => {
                    const { token, share } = cells[layer]!;
                    return (
                      <td key={i} style={{ "--share": share.toFixed(3) }} title={percent(share)} dir="auto">
                        {tokenText(token)}
                      </td>
                    );
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      <p class="buttons">
        <button type="button" class="quiet" onClick={() => saveCanvas("layers.png", toCanvas(found))}>
          {t("savePng")}
        </button>
        <button type="button" class="quiet" onClick={() => saveAs("layers.svg", toSvg(found), "image/svg+xml")}>
          {t("saveSvg")}
        </button>
        <button type="button" class="quiet" onClick={() => saveAs("layers.json", toJson(found), "application/json")}>
          {t("saveJson")}
        </button>
      </p>
    </>
  );
}

async function look(ids: readonly number[], signal: AbortSignal): Promise<Column[]> {
  const model = opened.value?.model;
  if (!model) return [];
  const first = Math.max(0, ids.length - COLUMNS);
  const { session, rest } = sessionAt(model, ids.slice(0, first), current.value);
  const columns: Column[] = [];
  try {
    if (rest.length > 0) await session.feed(rest, { signal });
    for await (const { token, lens = [] } of session.inspect(ids.slice(first), { lens: true, signal }))
      columns.push({ read: token, cells: lens.map(likeliest) });
  } finally {
    session.dispose();
  }
  return columns;
}

function likeliest(logits: Float32Array): Cell {
  let token = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[token]!) token = id;
  const most = logits[token]!;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - most);
  return { token, share: 1 / sum };
}

function toJson(columns: readonly Column[]): string {
  const named = columns.map(({ read, cells }) => ({
    read: tokenText(read),
    layers: cells.map(({ token, share }) => ({ token, text: tokenText(token), share })),
  }));
  return JSON.stringify(named, null, 1);
}

const [WIDTH, HEIGHT] = [96, 24];

/** A cell of the picture that is saved. */
interface Box {
  readonly x: number;
  readonly y: number;
  readonly text: string;
  readonly share: number;
  readonly ink: string;
}

const FILL = "#1f5f56";

/** The tokens that were read above, the last layer below them, the embedding at the bottom. */
function boxesOf(columns: readonly Column[]): Box[] {
  const box = (column: number, row: number, text: string, share: number): Box => ({
    x: column * WIDTH,
    y: row * HEIGHT,
    text,
    share,
    ink: share > 0.5 ? "#fff" : "#1f2328",
  });
  return columns.flatMap(({ read, cells }, column) => [
    box(column, 0, tokenText(read), 0),
    ...cells.map(({ token, share }, layer) => box(column, cells.length - layer, tokenText(token), share)),
  ]);
}

function sizeOf(columns: readonly Column[]): { width: number; height: number } {
  return { width: columns.length * WIDTH, height: ((columns[0]?.cells.length ?? 0) + 1) * HEIGHT };
}

function toSvg(columns: readonly Column[]): string {
  const { width, height } = sizeOf(columns);
  const cells = boxesOf(columns).map(
    ({ x, y, text, share, ink }) =>
      `<rect x="${x}" y="${y}" width="${WIDTH}" height="${HEIGHT}" fill="${FILL}" fill-opacity="${share.toFixed(3)}"/>` +
      `<text x="${x + 8}" y="${y + 16}" fill="${ink}">${escaped(text)}</text>`,
  );
  const size = `width="${width}" height="${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="13">${cells.join("")}</svg>`;
}

function toCanvas(columns: readonly Column[]): HTMLCanvasElement {
  const canvas = Object.assign(document.createElement("canvas"), sizeOf(columns));
  const context = canvas.getContext("2d")!;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.font = "13px sans-serif";
  for (const { x, y, text, share, ink } of boxesOf(columns)) {
    context.globalAlpha = share;
    context.fillStyle = FILL;
    context.fillRect(x, y, WIDTH, HEIGHT);
    context.globalAlpha = 1;
    context.fillStyle = ink;
    context.fillText(text, x + 8, y + 16, WIDTH - 8);
  }
  return canvas;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
