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
  [/\bminds? (?:the form|NaN)\b/i, "is sensitive to the format; handles NaN"],
  [/\bis (?:not )?told\b|\btold (?:by|apart|so)\b/i, "gets, is reported, is identified"],
  [/\btells? (?:of|apart|which|whether|what|any)\b/i, "shows, identifies, determines"],
  [/\bkeeps? to a form\b/i, "structured output"],
  [/\bbytes a weight\b|\b(?:nats|bits) a (?:token|byte)\b|\btokens a second\b/i, "per"],
  [/\bcrew\b|\bseasonings?\b|\blaps?\b/i, "active threads; arguments; timestamps"],
  [/\blies? (?:in|at|beside|below|behind|there)\b/i, "is"],
  [/\bstands? (?:for|after|there|beside|behind)\b/i, "is, means, follows"],
  [/\bmend(?:s|ed|ing|able)?\b/i, "fix"],
  [/\bgoes on with\b|\bgone on with\b/i, "continues"],
  [/\btak(?:es?|en|ing) in\b(?! (?:turn|memory))/i, "feed, process, read"],
  [/\b(?:at most|after) so many\b/i, "at most this many"],
  [/(?<!there )\b(?:is|are) no (?:file|JSON|model|number|text|token|UTF-8)s?\b/i, "is not a"],
  [/\bin the box\b|\bfrom the net\b|\bon the net\b/i, "bundled; from the network"],
  [/\bat the (?:most|least)\b/i, "at most, at least"],
];
const PATHS = [
  "README.md",
  "CONTRIBUTING.md",
  "ARCHITECTURE.md",
  "SECURITY.md",
  "docs",
  "examples",
  "tools",
  "host",
  "assembly",
  "web/src",
  "training/README.md",
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
    .filter((name) => /\.(?:md|tsx?|m?js)$/.test(name) && !name.includes("node_modules"))
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
