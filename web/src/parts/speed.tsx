import { signal } from "@preact/signals";
import type { Ref } from "preact";
import { useRef } from "preact/hooks";
import { benchmark, zeroShare } from "wkv/measure";
import { messageOf, opened } from "../model.ts";
import { saveAs } from "../save.ts";
import { percent, size, t } from "../strings/index.ts";
import { current } from "../tree.ts";
import { failure } from "../write.ts";
import { threadsText } from "./header.tsx";

interface Result {
  readonly prefill: number;
  readonly decode: number;
  readonly bandwidth: number;
  readonly share: number;
  /** Milliseconds of one token. */
  readonly phases: Readonly<Record<string, number>>;
  /** Share of the channel mixing's hidden values that are zero. */
  readonly zeros: number;
}

const ROUNDS = 3;

const result = signal<Result | undefined>(undefined);
const round = signal<number | undefined>(undefined);

/** Measures this device, and draws a card of it. */
export function Speed() {
  const card = useRef<SVGSVGElement>(null);
  const busy = round.value !== undefined;
  return (
    <section class="wide speed">
      <h2>{t("speed")}</h2>
      <p class="muted">{t("speedHint")}</p>
      <p class="buttons" aria-live="polite">
        <button type="button" class="primary" disabled={busy || !opened.value} onClick={() => void measure()}>
          {busy ? t("speedRound", { round: round.value! + 1, rounds: ROUNDS }) : t("speedRun")}
        </button>
        {result.value && (
          <button
            type="button"
            onClick={() => card.current && saveAs("wkv-speed.svg", card.current.outerHTML, "image/svg+xml")}
          >
            {t("saveCard")}
          </button>
        )}
        {result.value && (
          <button
            type="button"
            class="quiet"
            onClick={() => saveAs("wkv-speed.json", JSON.stringify(result.value, null, 1), "application/json")}
          >
            {t("saveJson")}
          </button>
        )}
      </p>
      {result.value && <Card {...result.value} svg={card} />}
      {result.value && <Phases {...result.value} />}
    </section>
  );
}

function Card({ prefill, decode, bandwidth, share, svg }: Result & { svg: Ref<SVGSVGElement> }) {
  const { name, model } = opened.value!;
  const { version, layers, width, weights, bytes, threads, simd } = model.info;
  const figures: [string, string, string][] = [
    [t("decode"), decode.toFixed(decode < 10 ? 1 : 0), t("tokensSecond")],
    [t("prefill"), prefill.toFixed(0), t("tokensSecond")],
    [t("share2"), percent(share), `${t("bandwidth")} ${bandwidth.toFixed(1)} GB/s`],
  ];
  const facts = [
    `${name} · ${t("layersWidth", { version, layers, width })} · ${weights}, ${size(bytes)}`,
    `${browserName()} · ${threadsText(threads)} / ${navigator.hardwareConcurrency} ${t("cores")} · ${t("kernels")}: ${simd}`,
  ];
  return (
    <svg
      ref={svg}
      class="card"
      xmlns="http://www.w3.org/2000/svg"
      viewBox="0 0 720 320"
      role="img"
      aria-label={figures.map((figure) => figure.join(" ")).join(", ")}
      font-family="system-ui, sans-serif"
    >
      <rect width="720" height="320" rx="20" fill="#12211f" />
      <text x="40" y="62" fill="#f4efe4" font-size="24" font-weight="600">
        wkv
      </text>
      <text x="680" y="62" fill="#8fb8ae" font-size="15" text-anchor="end">
        {new Date().toISOString().slice(0, 10)}
      </text>
      {figures.map(([label, value, unit], i) => (
        <g key={label} transform={`translate(${40 + i * 220} 100)`}>
          <text y="16" fill="#8fb8ae" font-size="15">
            {label}
          </text>
          <text y="74" fill="#f4efe4" font-size="52" font-weight="650">
            {value}
          </text>
          <text y="100" fill="#8fb8ae" font-size="14">
            {unit}
          </text>
        </g>
      ))}
      {facts.map((fact, i) => (
        <text key={i} x="40" y={256 + i * 24} fill="#c8d6d2" font-size="14">
          {fact}
        </text>
      ))}
    </svg>
  );
}

/** Where the time of a token goes. */
function Phases({ phases, zeros }: Result) {
  const times = Object.entries(phases).sort(([, a], [, b]) => b - a);
  const [longest = 1] = times.map(([, ms]) => ms);
  return (
    <>
      <h3>{t("phases")}</h3>
      <p class="hint">{t("phasesHint")}</p>
      <ol class="alternatives phases">
        {times.map(([name, ms]) => (
          <li key={name}>
            <span class="bar" style={{ inlineSize: `${(100 * ms) / longest}%` }} />
            <span class="name">{name}</span>
            <span class="share">{ms.toFixed(3)} ms</span>
          </li>
        ))}
      </ol>
      <p>
        <b class="figure">{percent(zeros)}</b> {t("zeros")}
      </p>
      <p class="hint">{t("zerosHint")}</p>
    </>
  );
}

/** The end of the text that is shown, else a few ids that every vocabulary has: what the zeros are counted of. */
function sample(): number[] {
  const ids = current.value.ids.slice(-128);
  return ids.length > 0 ? [...ids] : [1, 2, 3, 4, 5, 6, 7, 8];
}

async function measure(): Promise<void> {
  const now = opened.value;
  if (!now) return;
  round.value = 0;
  try {
    const options = { prefill: 256, decode: 48, rounds: ROUNDS, onRound: (at: number) => void (round.value = at) };
    const { prefill, decode, readBandwidth, share, phases } = await benchmark(now.model, options);
    result.value = {
      prefill: prefill.median,
      decode: decode.median,
      bandwidth: readBandwidth.median,
      share: share.median,
      phases,
      zeros: await zeroShare(now.model, sample()),
    };
  } catch (error) {
    failure.value = messageOf(error);
  } finally {
    round.value = undefined;
  }
}

/** "Firefox 128", as far as the browser says. */
function browserName(): string {
  const agent = navigator.userAgent;
  const found =
    /(Edg|OPR|Firefox|Chrome)\/(\d+)/.exec(agent) ?? /(?:(Version))\/(\d+).*Safari/.exec(agent) ?? undefined;
  if (!found) return t("browser");
  const [, name = "", major] = found;
  return `${{ Edg: "Edge", OPR: "Opera", Version: "Safari" }[name] ?? name} ${major}`;
}
