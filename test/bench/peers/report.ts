import type { Spread } from "../../../host/measure/benchmark.ts";
import type { BarChart, BarGroup } from "../../../tools/svg.ts";
import { busyCores } from "./children.ts";
import type { Machine } from "./machine.ts";
import { BUSY_DECODE } from "./measure.ts";
import { packageVersions } from "./packages.ts";
import type { Speed } from "./protocol.ts";
import { type Engine, pick, type Results, type Row, ratios } from "./results.ts";
import { median, spread } from "./statistics.ts";

/** Where a table's cell has nothing to say. */
const NOTHING = "–";

interface Heading {
  /** What the section is called: a processor, and what else the numbers depend on. */
  readonly processor: string;
  readonly picture: string;
  readonly command: string;
}

type Measure = "prefill" | "decode";

/** A processor's section of docs/speed.md. `picture`: the chart's file beside it. */
export function report(results: Results, machine: Machine, { processor, picture, command }: Heading): string {
  const sections = [
    introduction(results, processor, picture),
    speedTable(results),
    ratioTable(results),
    ownTable(results),
    busyTable(results),
    longTable(results),
    method(results),
    setting(results, machine, command),
  ];
  return sections.filter((section) => section !== "").join("\n\n");
}

function introduction({ rounds, missing }: Results, processor: string, picture: string): string {
  const gaps = missing.map((reason) => `\n\nNot measured: ${reason}`).join("");
  return `## ${processor}

Every cell is the median of the rounds (${rounds}), with the lowest and the highest in brackets.${gaps}

![Tokens per second of each engine on ${processor}](${picture})`;
}

function speedTable(results: Results): string {
  const rows = combinations(results).map(([engine, threads]) => {
    const measured = pick(results.speeds, engine.id, threads);
    return [engine.label, engine.weights, threads, speedCell(measured, "prefill"), speedCell(measured, "decode")];
  });
  return `### Tokens per second

${table(["engine", "weights", "threads", `prompt of ${results.prompt.tokens.length}`, "decode"], rows)}`;
}

function ratioTable(results: Results): string {
  const rows = combinations(results, own(results)).flatMap(([engine, threads]) =>
    peersOf(results, engine).map((peer) => {
      const pair = [pick(results.speeds, engine.id, threads), pick(results.speeds, peer.id, threads)] as const;
      return [
        `${engine.label} / ${peer.label}`,
        engine.weights,
        threads,
        ratioCell(...pair, "prefill"),
        ratioCell(...pair, "decode"),
      ];
    }),
  );
  if (rows.length === 0) return "";
  return `### How many times as fast

Round by round: in each, wkv's number over the other engine's.

${table(["", "weights", "threads", "prompt", "decode"], rows)}`;
}

function ownTable(results: Results): string {
  const rows = combinations(results, own(results)).map(([engine, threads]) => {
    const measured = [...pick(results.own, engine.id, threads).values()];
    return [
      engine.label,
      engine.weights,
      threads,
      (median(measured.map((row) => row.bytesPerToken)) / 1e6).toFixed(0),
      cell(measured.map((row) => row.bandwidth)),
      cell(measured.map((row) => row.share)),
      cell(measured.map((row) => row.alone)),
      cell(measured.map((row) => row.together)),
      cell(measured.map((row) => row.gain)),
    ];
  });
  const head = [
    "",
    "weights",
    "threads",
    "MB a token",
    "bandwidth, GB/s",
    "share of it",
    "one session, tok/s",
    "eight, tok/s in all",
    "ratio",
  ];
  return `### wkv against the memory

A token reads every matrix once. The share is those bytes times the tokens per second, over what the same threads reach in
the same process when they only read the weights. Sessions that decode together read them once for all.

${table(head, rows)}`;
}

function busyTable(results: Results): string {
  if (results.busy.length === 0) return "";
  const [few = 1, many = few] = results.threads;
  const rows = results.engines.flatMap((engine) => {
    const one = pick(results.busy, engine.id, few);
    const more = pick(results.busy, engine.id, many);
    if (one.size === 0 && more.size === 0) return [];
    const at = (measure: Measure) => [speedCell(one, measure), speedCell(more, measure), ratioCell(more, one, measure)];
    return [[engine.label, ...at("prefill"), ...at("decode")]];
  });
  const count = busyCores() === 1 ? "another process keeps one core" : `other processes keep ${busyCores()} cores`;
  const head = ["prompt", "decode"].flatMap((what) => [
    `${what}, ${few} thread`,
    `${what}, ${many} threads`,
    `${many} / ${few}`,
  ]);
  return `### While ${count} busy

Tokens per second, and those with ${many} threads over those with ${few} under the same load. (At most ${BUSY_DECODE} tokens are made in a
take here, because threads that spin can be a hundred times slower.)

${table(["", ...head], rows)}`;
}

function longTable({ long }: Results): string {
  if (!long) return "";
  const { pairs, memory, position, threads } = long;
  const row = (name: string, digits: number, early: number[], late: number[], unit: string) => [
    name,
    `${cell(early, digits)} ${unit}`,
    `${cell(late, digits)} ${unit}`,
    cell(
      late.map((value, i) => value / (early[i] ?? value)),
      3,
    ),
  ];
  const times = [pairs.map(({ early }) => early), pairs.map(({ late }) => late)] as const;
  return `### Late in a long text

One token of wkv at both positions, measured in turn with ${threads} thread${threads > 1 ? "s" : ""}, and the memory of the
process.

${table(
  ["", "position 100", `position ${position.toLocaleString("en")}`, "ratio"],
  [
    row("time of a token", 2, ...times, "ms"),
    row("memory", 0, [memory.early / 1e6], [memory.late / 1e6], "MB"), //
  ],
)}`;
}

function method({ prompt, decode, model, engines }: Results): string {
  const origin = model.isRandom
    ? " Its weights are random: it writes noise, at the speed of any model of its shape."
    : "";
  const files = model.files.map(({ name, bytes }) => `${name}, ${(bytes / 1e6).toFixed(0)} MB`).join("; ");
  const browsers = engines.some(({ needsBrowser }) => needsBrowser)
    ? `
- In Chromium the times are from llama.cpp's own clock, inside the module, without the browser's part.`
    : "";
  return `### How it was measured

- The model: ${files}; RWKV-${model.version}, ${model.layers} layers of ${model.width}, vocabulary ${model.vocabSize}.${origin}
- Each engine runs in a separate process, one at a time, once a round with each number of threads; which comes first
  changes from round to round.
- A take is a prompt of ${prompt.tokens.length} tokens in an empty session, then ${decode} tokens made one at a time, always the most likely. The
  first take warms up and does not count; then takes follow for a few seconds, and their median is the round's number.
- wkv is measured through \`session.feed\` and its sampler; the table of the share is what \`wkv bench\` measures.
- llama.cpp's times are taken around node-llama-cpp's \`evaluate\`.${browsers}`;
}

function setting(results: Results, machine: Machine, command: string): string {
  const facts = [
    ["processor", `${machine.processor}, ${machine.cores} cores`],
    ["memory", machine.memory],
    ["system", machine.system],
    ["load average before", machine.load],
    ["date", new Date().toISOString().slice(0, 10)],
    ["Node", process.version],
    ["packages", packageVersions()],
    ...results.engines.flatMap((engine) => {
      const said = results.speeds.find((row) => row.engine === engine.id)?.build;
      return said ? [[`${engine.label}, ${engine.weights}`, said]] : [];
    }),
  ];
  return `### The machine

${table(["", ""], facts)}

Measured with \`${command}\`.`;
}

/** The chart beside the report. */
export function chart(results: Results): BarChart {
  const { tokens } = results.prompt;
  return {
    title: "Tokens per second, more is better",
    panels: [
      { title: "Decode", groups: groups(results, "decode") },
      { title: `Prompt of ${tokens.length} tokens`, groups: groups(results, "prefill") },
    ],
  };
}

function groups(results: Results, measure: Measure): BarGroup[] {
  return results.threads.map((threads) => ({
    name: `${threads} thread${threads > 1 ? "s" : ""}`,
    bars: results.engines.flatMap((engine) => {
      const measured = [...pick(results.speeds, engine.id, threads).values()];
      if (measured.length === 0) return [];
      const { median: value, min, max } = spread(measured.map((row) => row[measure]));
      return [{ label: `${engine.label}, ${engine.weights}`, value, min, max, accent: !engine.isPeer }];
    }),
    mark: measure === "decode" ? readingLimit(results, threads) : undefined,
  }));
}

/** Tokens per second if nothing but reading the weights took time. */
function readingLimit(results: Results, threads: number): BarGroup["mark"] {
  const rows = results.own.filter((row) => row.threads === threads);
  if (rows.length === 0) return undefined;
  return { value: median(rows.map((row) => (row.bandwidth * 1e9) / row.bytesPerToken)), label: "the memory's limit" };
}

/** The other engines on the same file. */
function peersOf({ engines }: Results, { model }: Engine): Engine[] {
  return engines.filter((engine) => engine.isPeer && engine.model === model);
}

function own({ engines }: Results): Engine[] {
  return engines.filter(({ isPeer }) => !isPeer);
}

function combinations(results: Results, engines = results.engines): [Engine, number][] {
  return results.threads.flatMap((threads) => engines.map((engine): [Engine, number] => [engine, threads]));
}

function speedCell(measured: Map<number, Row<Speed>>, measure: Measure): string {
  return cell([...measured.values()].map((row) => row[measure]));
}

function ratioCell(upper: Map<number, Row<Speed>>, lower: Map<number, Row<Speed>>, measure: Measure): string {
  return cell(
    ratios(upper, lower, (row) => row[measure]),
    2,
  );
}

/** "12.3 (11.9–12.5)"; one value stands alone. */
function cell(values: readonly number[], digits?: number): string {
  if (values.length === 0) return NOTHING;
  const { median: middle, min, max }: Spread = spread(values);
  const show = (value: number) => value.toFixed(digits ?? digitsOf(middle));
  return values.length === 1 ? show(middle) : `${show(middle)} (${show(min)}–${show(max)})`;
}

/** Three digits that count. */
function digitsOf(value: number): number {
  return value >= 100 ? 0 : value >= 10 ? 1 : 2;
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
