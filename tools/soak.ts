// npm run soak -- [--only server,…] [--tokens N] [--loads N] [--sessions N] [--server SECONDS] [--schedules N] [--ends THREADS]: long
// runs against leaks and against results that depend on anything but the text. Prints what it measures and writes it into the table
// of docs/reliability.md; fails when a promise does not hold.
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { ends, loads, longSession, schedules, serverLoad, sessions } from "../test/soak/run.ts";
import { buildDebug } from "./build-debug.ts";

const PAGE = "docs/reliability.md";
const TABLE = /(<!-- npm run soak -->\n)[\s\S]*?(<!-- end -->)/;
/** Growth in MB that counts as none: V8's own code and feedback go on growing a little. */
const FLAT_MB = 1;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    tokens: { type: "string", default: "1000000" },
    loads: { type: "string", default: "1000" },
    sessions: { type: "string", default: "200" },
    server: { type: "string", default: "600" },
    schedules: { type: "string", default: "10000" },
    ends: { type: "string", default: "3" },
  },
});

interface Row {
  readonly what: string;
  readonly result: string;
  readonly holds: boolean;
}

const count = (value: number) => value.toLocaleString("en-US");
const signed = (value: number) => `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(2)} MB`;

async function soakSession(tokens: number): Promise<Row[]> {
  const one = await longSession(tokens, 1, 2);
  const other = await longSession(tokens, 2, 1);
  const growth = one.late.heap - one.early.heap;
  return [
    {
      what: `One session of ${count(tokens)} tokens: JavaScript memory at the end against a tenth of the way`,
      result: `${signed(growth)} (resident ${signed(one.late.resident - one.early.resident)})`,
      holds: growth < FLAT_MB,
    },
    {
      what: "The same text in another process, in other chunks and with one thread instead of two",
      result: one.hash === other.hash ? "the same bits" : "other bits",
      holds: one.hash === other.hash,
    },
  ];
}

async function soakLoads(loaded: number): Promise<Row[]> {
  const { early, late } = await loads(loaded);
  const growth = late.heap - early.heap;
  const threads = late.threads - early.threads;
  const files = late.files - early.files;
  return [
    {
      what: `${count(loaded)} models loaded and disposed of, a third of them while they compute: after all against a tenth`,
      result: `${signed(growth)} (resident ${signed(late.resident - early.resident)}), ${threads} threads, ${files} files more`,
      holds: growth < FLAT_MB && threads <= 0 && files <= 0,
    },
  ];
}

async function soakSessions(running: number): Promise<Row[]> {
  const { different, hits } = await sessions(running, 1);
  return [
    {
      what: `${count(running)} sessions at once with forks, saves, rewinds, aborts and a prefix cache (${hits} hits), against each alone`,
      result: different.length === 0 ? "the same bits" : `sessions ${different.join(", ")} differ`,
      holds: different.length === 0,
    },
  ];
}

async function soakServer(seconds: number): Promise<Row[]> {
  const { clients, seen, wrong, early, late, code } = await serverLoad(seconds, 100, 1);
  const growth = late.heap - early.heap;
  const done = Object.entries(seen).map(([what, times]) => `${count(times)} ${what}`);
  return [
    {
      what: `${clients} clients of a server for ${seconds} s: ${done.join(", ")}`,
      result:
        wrong.length > 0
          ? `wrong: ${wrong[0]}`
          : `every finished answer is the library's, ${signed(growth)} (resident ${signed(late.resident - early.resident)})`,
      holds: wrong.length === 0 && code === 0 && growth < FLAT_MB,
    },
  ];
}

async function soakSchedules(tried: number): Promise<Row[]> {
  await buildDebug();
  const [delayed, usual] = [await schedules(tried, "debug"), await schedules(0, "usual")];
  return [
    {
      what: `${count(tried)} feeds on three threads that are delayed at random between their atomics, against one thread`,
      result: delayed.different === 0 ? "the same bits" : `${delayed.different} differ`,
      holds: delayed.different === 0 && delayed.hash === usual.hash,
    },
  ];
}

async function soakEnds(threads: number): Promise<Row[]> {
  await buildDebug();
  const { count: tried, phases, wrong } = await ends(threads, 3, 1);
  return [
    {
      what: `Each of ${threads} threads ends in each of ${phases} phases of loading and feeding, ${count(tried)} times in all`,
      result: wrong.length > 0 ? `wrong: ${wrong[0]}` : "an error of the engine each time, no hang",
      holds: wrong.length === 0,
    },
  ];
}

const PARTS = {
  server: () => soakServer(Number(values.server)),
  loads: () => soakLoads(Number(values.loads)),
  sessions: () => soakSessions(Number(values.sessions)),
  tokens: () => soakSession(Number(values.tokens)),
  schedules: () => soakSchedules(Number(values.schedules)),
  ends: () => soakEnds(Number(values.ends)),
};

const rows: Row[] = [];
for (const [name, measure] of Object.entries(PARTS)) {
  if (values.only && !values.only.split(",").includes(name)) continue;
  for (const row of await measure()) {
    console.log(`${row.holds ? "holds" : "FAILS"}: ${row.what}: ${row.result}`);
    rows.push(row);
  }
}

/** Rows of the table that were not measured now. */
function otherRows(table: string): string[] {
  const measured = new Set(rows.map(({ what }) => kindOf(what)));
  return table
    .split("\n")
    .filter((line) => /^\| \w/.test(line) && !/^\| run/.test(line) && !measured.has(kindOf(line.slice(2))));
}

/** What was done, without the numbers. */
function kindOf(what: string): string {
  return what
    .split(/[:|]/)[0]!
    .replace(/[\d,]+/g, "")
    .trim();
}

const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.versions.node}`;
const page = readFileSync(PAGE, "utf8");
const table = [
  `${machine}:`,
  "",
  "| run | result |",
  "| --- | --- |",
  ...rows.map((row) => `| ${row.what} | ${row.result} |`),
  ...otherRows(TABLE.exec(page)?.[0] ?? ""),
];
writeFileSync(
  PAGE,
  page.replace(TABLE, (_, start, end) => `${start}${table.join("\n")}\n${end}`),
);
process.exitCode = rows.every(({ holds }) => holds) ? 0 : 1;
