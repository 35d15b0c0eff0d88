import { signal } from "@preact/signals";
import type { Ref } from "preact";
import { useRef } from "preact/hooks";
import { benchmark } from "wkv/measure";
import { messageOf, opened } from "../model.ts";
import { saveAs } from "../save.ts";
import { percent, size, t } from "../strings/index.ts";
import { failure } from "../write.ts";
import { threadsText } from "./header.tsx";

interface Result {
  readonly prefill: number;
  readonly decode: number;
  readonly bandwidth: number;
  readonly share: number;
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
      </p>
      {result.value && <Card {...result.value} svg={card} />}
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

async function measure(): Promise<void> {
  const now = opened.value;
  if (!now) return;
  round.value = 0;
  try {
    const options = { prefill: 256, decode: 48, rounds: ROUNDS, onRound: (at: number) => void (round.value = at) };
    const { prefill, decode, readBandwidth, share } = await benchmark(now.model, options);
    const [first, second, third, fourth] = [prefill, decode, readBandwidth, share].map(({ median }) => median);
    result.value = { prefill: first!, decode: second!, bandwidth: third!, share: fourth! };
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
