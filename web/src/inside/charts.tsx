import { useEffect, useRef } from "preact/hooks";
import "uplot/dist/uPlot.min.css";
import { repaints } from "../look.ts";
import { messageOf, opened } from "../model.ts";
import { saveAs, saveCanvas } from "../save.ts";
import { t } from "../strings/index.ts";
import { changes, current, pathTo } from "../tree.ts";
import { failure } from "../write.ts";

/** Tokens over which a speed is the mean. */
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
  const mean = data[1].reduce((sum, value) => sum + value, 0) / Math.max(1, data[1].length);
  return (
    <>
      <p class="hint">{t("chartsHint")}</p>
      <p>
        <b class="figure">{mean.toFixed(0)}</b> {t("tokensSecond")}
      </p>
      <div class="chart" ref={box} role="img" aria-label={`${t("tokensPerSecond")}: ${mean.toFixed(0)}`} />
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
  const times = pathTo(current.value).flatMap(({ from, tokens }) =>
    tokens.map(({ seconds }, i) => ({ at: from + i + 1, seconds })).filter(({ seconds }) => seconds > 0),
  );
  const speeds = times.map((_, i) => {
    const part = times.slice(Math.max(0, i + 1 - WINDOW), i + 1);
    return part.length / part.reduce((sum, { seconds }) => sum + seconds, 0);
  });
  return [times.map(({ at }) => at), speeds, times.map(() => (bytes + stateBytes) / 1e6)];
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
      height: 220,
      scales: {
        x: { time: false },
        y: { range: (_, __, max) => [0, max * 1.2 || 1] },
        mb: { range: (_, __, max) => [0, max * 1.5 || 1] },
      },
      axes: [axis, { ...axis, size: 60 }, { ...axis, scale: "mb", side: 1, size: 44, grid: { show: false } }],
      series: [
        { label: t("position") },
        { label: t("tokensPerSecond"), stroke: of("accent"), width: 2 },
        { label: `${t("memory")} (MB)`, stroke: of("positive"), width: 2, scale: "mb", dash: [4, 4] },
      ],
    },
    data,
    box,
  );
}
