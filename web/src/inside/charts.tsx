import { useEffect, useRef } from "preact/hooks";
import "uplot/dist/uPlot.min.css";
import { repaints } from "../look.ts";
import { messageOf, opened } from "../model.ts";
import { saveAs, saveCanvas } from "../save.ts";
import { t } from "../strings/index.ts";
import { changes, current, type Node, pathTo } from "../tree.ts";
import { failure } from "../write.ts";

/** Tokens of whose times a speed is the median. */
const WINDOW = 24;

type Data = [number[], number[], number[]];

/** Speed and memory against the position in the text. */
export function Charts() {
  changes.value;
  const box = useRef<HTMLDivElement>(null);
  const data = measured();
  useEffect(() => {
    let isGone = false;
    let plot: { destroy(): void } | undefined;
    makePlot(box.current!, data).then(
      (made) => {
        if (isGone) made.destroy();
        else plot = made;
      },
      (error) => {
        failure.value = messageOf(error);
      },
    );
    return () => {
      isGone = true;
      plot?.destroy();
    };
  }, [data[0].length, repaints.value]);
  const typical = [...data[1]].sort((a, b) => a - b)[data[1].length >> 1] ?? 0;
  return (
    <>
      <p class="hint">{t("chartsHint")}</p>
      <p>
        <b class="figure">{typical.toFixed(0)}</b> {t("tokensSecond")}
      </p>
      <p class="key">
        <span class="speed-line">{t("tokensPerSecond")}</span>
        <span class="memory-line">{t("memory")} (MB)</span>
      </p>
      <div class="chart" ref={box} role="img" aria-label={`${t("tokensPerSecond")}: ${typical.toFixed(0)}`} />
      <p class="buttons">
        <button
          type="button"
          class="quiet"
          onClick={() => {
            const canvas = box.current?.querySelector("canvas");
            if (canvas) saveCanvas("speed.png", canvas);
          }}
        >
          {t("savePng")}
        </button>
        <button type="button" class="quiet" onClick={() => saveAs("speed.json", toJson(data), "application/json")}>
          {t("saveJson")}
        </button>
      </p>
    </>
  );
}

function measured(): Data {
  const { bytes, stateBytes } = opened.value?.model.info ?? { bytes: 0, stateBytes: 0 };
  const times = pathTo(current.value).flatMap(timesOf);
  const speeds = times.map((_, i) => 1 / median(times.slice(Math.max(0, i + 1 - WINDOW), i + 1)));
  return [times.map(({ at }) => at), speeds, times.map(() => (bytes + stateBytes) / 1e6)];
}

interface Time {
  readonly at: number;
  readonly seconds: number;
}

/** Of the tokens that were made one after another: the time of an answer's first one is that of reading the prompt. */
function timesOf({ from, kept, tokens }: Node): Time[] {
  const times = tokens.map(({ seconds }, i) => ({ at: from + i + 1, seconds }));
  return times.slice(kept + 1).filter(({ seconds }) => seconds > 0);
}

function median(times: readonly Time[]): number {
  return times.map(({ seconds }) => seconds).sort((a, b) => a - b)[times.length >> 1]!;
}

function toJson([positions, speeds, memory]: Data): string {
  const rows = positions.map((position, i) => ({ position, tokensPerSecond: speeds[i], megabytes: memory[i] }));
  return JSON.stringify(rows, null, 1);
}

/** The charts' code is loaded when there is one to draw. */
async function makePlot(box: HTMLElement, data: Data) {
  const { default: UPlot } = await import("uplot");
  const style = getComputedStyle(document.documentElement);
  const of = (name: string) => style.getPropertyValue(`--${name}`);
  const axis = { stroke: of("muted"), grid: { stroke: of("line") }, ticks: { stroke: of("line") } };
  return new UPlot(
    {
      width: Math.max(240, box.clientWidth),
      height: 240,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false },
        y: { range: (_, __, max) => [0, max * 1.2 || 1] },
        mb: { range: (_, __, max) => [0, max * 1.5 || 1] },
      },
      axes: [
        { ...axis, label: t("position"), labelSize: 20 },
        { ...axis, size: 60 },
        { ...axis, scale: "mb", side: 1, size: 44, grid: { show: false } },
      ],
      series: [{}, { stroke: of("accent"), width: 2 }, { stroke: of("positive"), width: 2, scale: "mb", dash: [4, 4] }],
    },
    data,
    box,
  );
}
