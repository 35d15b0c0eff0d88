// Refuses home-made words in documents, help, messages and comments (CONTRIBUTING.md, "Words"). Part of `npm test`.
import { readdirSync, readFileSync, statSync } from "node:fs";

/** What may not be written, and what to write instead. */
const INSTEAD: readonly [refused: RegExp, instead: string][] = [
  [/\bforet(?:ells?|old)\b/i, "predict"],
  [/\banew\b/i, "again"],
  [/\bwhoever\b/i, "name the caller or reader"],
  [/\bnobody\b/i, "say what does not happen, in the passive or with its subject"],
  [/\bsomebody\b/i, "name the user or caller"],
  [/\bof (?:its|their|one's|your) own\b/i, "separate, custom, or nothing"],
  [/\bwhose it is\b/i, "which model it belongs to"],
  [/\bminds the form\b/i, "is sensitive to the format"],
  [/\bis (?:not )?told\b/i, "gets, is reported"],
  [/\bkeeps? to a form\b/i, "structured output"],
  [/\bbytes a weight\b|\b(?:nats|bits) a (?:token|byte)\b/i, "per"],
  [/\bcrew\b|\bseasonings?\b/i, "active threads; arguments"],
];
const PATHS = [
  "README.md",
  "CONTRIBUTING.md",
  "ARCHITECTURE.md",
  "SECURITY.md",
  "docs",
  "examples",
  "tools",
  "host/cli",
];
/** These name the words. */
const EXEMPT = ["tools/words.ts"];

const found = PATHS.flatMap(files)
  .filter((path) => !EXEMPT.includes(path))
  .flatMap(wordsIn);
for (const line of found) console.error(line);
if (found.length > 0) process.exitCode = 1;

function files(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return (readdirSync(path, { recursive: true }) as string[])
    .filter((name) => /\.(?:md|ts|mjs)$/.test(name) && !name.includes("node_modules"))
    .map((name) => `${path}/${name}`);
}

function wordsIn(path: string): string[] {
  const isWordList = path === "CONTRIBUTING.md";
  return readFileSync(path, "utf8")
    .split("\n")
    .flatMap((line, i) =>
      isWordList && line.startsWith("|")
        ? []
        : INSTEAD.filter(([refused]) => refused.test(line)).map(
            ([refused, instead]) => `${path}:${i + 1}: "${refused.exec(line)?.[0]}": ${instead}`,
          ),
    );
}
