// `npm run bench:sizing [-- --write]`: how many replicas a number of users needs, by a simulation of the server's queue with the speeds
// that bench:peers has written into docs/speed.md, those of the most threads. --write: the table into docs/sizing.md.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Load, type Speeds, simulate } from "./server/simulate.ts";

const docs = (name: string) => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));
const TABLE = /(<!-- npm run bench:sizing -->\n)[\s\S]*?(<!-- end -->)/;
const USERS = [10, 1_000, 100_000];
/** Seconds within which 95 of 100 answers have to begin. */
const PATIENCE = 3;

const { values } = parseArgs({
  options: {
    think: { type: "string", default: "60" },
    prompt: { type: "string", default: "100" },
    answer: { type: "string", default: "150" },
    parallel: { type: "string", default: "16" },
    write: { type: "boolean", default: false },
  },
});
const speeds = measured(readFileSync(docs("speed.md"), "utf8"));
const [think, prompt, answer, parallel] = [values.think, values.prompt, values.answer, values.parallel].map(Number) as [
  number,
  number,
  number,
  number,
];
const load = (users: number): Load => ({ users, think, prompt, answer, parallel });

const most = mostUsers();
const lines = [
  "| Users | Replicas | Users per replica | Busy | First token: median | 95 % | Answer |",
  "| --- | --- | --- | --- | --- | --- | --- |",
  ...USERS.map(row),
];
console.log(lines.join("\n"));
if (values.write) {
  const page = readFileSync(docs("sizing.md"), "utf8");
  writeFileSync(
    docs("sizing.md"),
    page.replace(TABLE, (_, start, end) => `${start}${lines.join("\n")}\n${end}`),
  );
}

function measured(page: string): Speeds {
  const [reading] = lastRow(page, 2);
  const [, , one, eight] = lastRow(page, 5);
  return {
    making: [
      [1, one!],
      [8, eight!],
    ],
    reading: reading!,
  };
}

/** The medians in the last row of wkv in a table with so many columns of numbers. */
function lastRow(page: string, columns: number): number[] {
  const cells = ` \\| ([\\d.]+) \\([^)]*\\)`.repeat(columns);
  const row = [...page.matchAll(new RegExp(`^\\| wkv \\| \\d+${cells} \\|$`, "gm"))].at(-1);
  if (!row) throw new Error("docs/speed.md has no speeds of wkv: npm run bench:peers");
  return row.slice(1).map(Number);
}

/** Of one replica, before its users wait too long. */
function mostUsers(): number {
  let users = 1;
  while (simulate(load(users + step(users)), speeds).late < PATIENCE) users += step(users);
  return users;
}

function step(users: number): number {
  return Math.max(1, Math.floor(users / 10));
}

function row(users: number): string {
  const replicas = Math.ceil(users / most);
  const each = Math.ceil(users / replicas);
  const { busy, median, late, rate } = simulate(load(each), speeds);
  const seconds = (value: number) => `${value.toFixed(2)} s`;
  const cells = [
    users.toLocaleString("en-US"),
    replicas.toLocaleString("en-US"),
    each,
    `${Math.round(100 * busy)} %`,
    seconds(median),
    seconds(late),
    `${rate.toFixed(0)} tokens/s`,
  ];
  return `| ${cells.join(" | ")} |`;
}
