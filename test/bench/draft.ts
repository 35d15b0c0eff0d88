/**
 * What drafts gain: `npm run bench:draft -- [MODEL] [THREADS] [CASE]`. A sampler that always takes the next token of a given text makes
 * the model write that text, at the cost that it would have; so the share of right drafts is that of a model which means
 * to write it. Pairs in turn; by default random weights of RWKV-7's 0.1B shape. Prints and asserts nothing.
 */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import type { Model } from "wkv";
import { benchModel, median } from "./model.ts";

const ROUNDS = 3;
const TOKENS = 160;
/** Enough for a dozen records: the first two have nothing to be drafted from. */
const JSON_TOKENS = 600;

interface Case {
  readonly name: string;
  readonly prompt: string;
  readonly text: string;
  readonly tokens?: number;
}

const source = readFileSync(new URL("../../host/cli/progress.ts", import.meta.url), "utf8");
const pages = ["chat", "sampling", "prompts", "server", "runtimes"].map(
  (name) => new URL(`../../docs/${name}.md`, import.meta.url),
);
const prose = proseOf(pages.map((page) => readFileSync(page, "utf8")).join("\n\n"));
const CASES: Case[] = [
  {
    name: "quotes its prompt",
    prompt: `${prose.slice(0, 1500)}\n\nWhat does the text say, word for word?\n\n`,
    text: `The text says: "${prose.slice(300, 800)}" And later: "${prose.slice(1000, 1400)}"`,
  },
  {
    name: "code, a file changed",
    prompt: `${source}\n\nThe same with "mb" called "megabytes":\n\n`,
    text: source.replaceAll("mb(", "megabytes("),
  },
  { name: "JSON", prompt: "Some people as JSON.\n\n", text: people(24), tokens: JSON_TOKENS },
  { name: "prose", prompt: prose.slice(0, 1500), text: prose.slice(1500, 3500) },
];

const [file, threads = "1", only = ""] = process.argv.slice(2);
const model = await benchModel(file || undefined, { threads: Number(threads) });
console.log(`${cpus()[0]?.model}, ${model.info.threads} thread(s), ${process.version}, ${model.info.weights}`);
for (const each of CASES.filter(({ name }) => name.includes(only))) {
  await write(model, each, "lookup");
  const pairs = [];
  for (let round = 0; round < ROUNDS; round++)
    pairs.push([await write(model, each, "lookup"), await write(model, each)] as const);
  const ratio = median(pairs.map(([a, b]) => a.rate / b.rate));
  const { drafted, accepted } = pairs[0]![0];
  const rates = `${median(pairs.map(([a]) => a.rate)).toFixed(1)} tokens/s, without drafts ${median(pairs.map(([, b]) => b.rate)).toFixed(1)}`;
  console.log(
    `${each.name.padEnd(22)} ${rates}: ${ratio.toFixed(2)} times; ${accepted} of ${drafted} drafted tokens right`,
  );
}
await model.dispose();

async function write(model: Model, { prompt, text, tokens = TOKENS }: Case, draft?: "lookup") {
  using session = model.createSession();
  const target = model.tokenizer.encode(text).slice(0, tokens);
  let at = 0;
  const logitsProcessor = (logits: Float32Array) => {
    logits[target[at++] as number] = 1e9;
  };
  const options = { maxTokens: target.length, temperature: 0, logitsProcessor, ...(draft && { draft }) };
  for await (const { usage } of session.generate(model.tokenizer.encode(prompt), options)) {
    if (usage)
      return {
        rate: usage.completionTokensPerSecond,
        drafted: usage.draftedTokens ?? 0,
        accepted: usage.acceptedTokens ?? 0,
      };
  }
  throw new Error("The text ended early.");
}

/** Paragraphs without code, tables and lists. */
function proseOf(markdown: string): string {
  const parts = markdown.replace(/```[\s\S]*?```/g, "").split(/\n\n+/);
  return parts.filter((part) => /^[A-Z]/.test(part) && part.length > 80).join("\n\n");
}

function people(count: number): string {
  const names = ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Leslie", "Niklaus"];
  const each = (_: unknown, i: number) => ({
    id: i + 1,
    name: names[(i * 5) % 8],
    age: 20 + ((i * 37) % 50),
    email: `${names[(i * 5) % 8]?.toLowerCase()}@example.com`,
    active: i % 3 !== 0,
  });
  return JSON.stringify(Array.from({ length: count }, each), null, 2);
}
