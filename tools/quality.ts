// npm run bench:quality -- HELD_OUT.txt BOX [BYTES]: what each format of weights costs two small models, on texts that they have
// not been trained on; writes docs/quality.md and its chart. BOX: the weights of box as training exported them, because those
// in models/ are int4 and int8. With BYTES only the beginning of each text is read.
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { type ConvertOptions, convertModel, type LoadOptions, loadModel } from "wkv";
import { type Perplexity, perplexity } from "wkv/measure";
import { readItems } from "./answers.ts";
import { blockSizeTable, measureBlockSizes } from "./block-sizes.ts";
import { barChart } from "./svg.ts";

const PAGE = "docs/quality.md";
/** Of the text, for the sizes of blocks. */
const BLOCK_TEXT = 30_000;

interface Format {
  readonly name: string;
  readonly options: ConvertOptions;
  /** Default: as the file is packed. */
  readonly load?: LoadOptions;
}

const FORMATS: readonly Format[] = [
  { name: "f32", options: { weights: "f32" } },
  // Alone not packed before it is loaded, to whatever is asked for.
  { name: "f16", options: { weights: "f16" }, load: { weights: "f32" } },
  { name: "int8", options: { weights: "int8" } },
  { name: "int8, activations of 8 bits", options: { weights: "int8" }, load: { activations: "int8" } },
  { name: "int4 and int8, calibrated", options: { weights: "auto", calibrate: true } },
  { name: "int4, calibrated", options: { weights: "int4", calibrate: true } },
  { name: "int4", options: { weights: "int4" } },
];

interface Row {
  readonly name: string;
  /** Of the packed file, which are nearly those of the weights in memory. */
  readonly bytes: number;
  readonly klDivergence: number;
  readonly bitsPerByte: number;
  /** To that of f32. */
  readonly ratio: number;
  readonly sameTop: number;
}

const FAIRY = "test/models/fairy/fairy.safetensors";
const [path, boxFile, limit = "Infinity"] = process.argv.slice(2);
if (path === undefined || boxFile === undefined || !(Number(limit) > 0)) {
  console.error(
    "wkv: give the held-out text and the weights of box: npm run bench:quality -- HELD_OUT.txt BOX [BYTES]",
  );
  process.exit(2);
}
const book = readFileSync(path);
const talks = evenly(
  readItems().map(({ prompt, completion }) => new TextEncoder().encode(prompt + completion)),
  Number(limit),
);
const folder = mkdtempSync(join(tmpdir(), "wkv-quality-"));
const fairy = await measure(FAIRY, [book.subarray(0, Number(limit))]);
const box = await measure(boxFile, talks, { vocab: "training/vocab.txt" });
const blockSizes = blockSizeTable(
  await measureBlockSizes(FAIRY, "test/models/fairy/vocab.txt", book.subarray(0, BLOCK_TEXT)),
);
rmSync(folder, { recursive: true });
writeFileSync(PAGE, page());
writeFileSync(PAGE.replace(".md", ".svg"), chart());
console.error(`wkv: ${PAGE} written`);

/** Every n-th text, so that they have no more than `most` bytes. */
function evenly(texts: readonly Uint8Array[], most: number): Uint8Array[] {
  for (let n = 1; ; n++) {
    const some = texts.filter((_, i) => i % n === 0);
    if (some.length === 1 || bytesOf(some) <= most) return some;
  }
}

function bytesOf(texts: readonly Uint8Array[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0);
}

/**
 * Each text is read from an empty state.
 * @param vocab where it is neither in the file nor beside it
 */
async function measure(source: string, texts: readonly Uint8Array[], vocab: { vocab?: string } = {}): Promise<Row[]> {
  const exact = await loadModel(source, { weights: "f32", ...vocab });
  const rows: Row[] = [];
  for (const { name: format, options, load } of FORMATS) {
    const file = join(folder, "model.safetensors");
    const { bytes } = await convertModel(source, file, { ...options, ...vocab });
    const model = await loadModel(file, load);
    const scores: Perplexity[] = [];
    for (const text of texts) scores.push(await perplexity(model, text, { compare: exact }));
    await model.dispose();
    const perByte = (value: (score: Perplexity) => number) => mean(scores, value, (score) => score.bytes);
    const perToken = (value: (score: Perplexity) => number) => mean(scores, value, (score) => score.tokens);
    const bitsPerByte = perByte((score) => score.bitsPerByte);
    const klDivergence = perToken(({ compared }) => compared!.klDivergence);
    const ratio = bitsPerByte / perByte(({ compared }) => compared!.bitsPerByte);
    const sameTop = perToken(({ compared }) => compared!.sameTop);
    rows.push({ name: format, bytes, klDivergence, bitsPerByte, ratio, sameTop });
    console.error(`wkv: ${source} ${format}: ${klDivergence.toExponential(2)} nats`);
  }
  await exact.dispose();
  return rows;
}

function mean<T>(all: readonly T[], value: (each: T) => number, weight: (each: T) => number): number {
  const sum = all.reduce((sum, each) => sum + weight(each) * value(each), 0);
  return sum / all.reduce((sum, each) => sum + weight(each), 0);
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ name, bytes, klDivergence, bitsPerByte, ratio, sameTop }) => {
    const change = 100 * (ratio - 1);
    const cells = [
      name,
      (bytes / 1e6).toFixed(2),
      klDivergence < 1e-9 ? "0" : klDivergence.toExponential(2),
      bitsPerByte.toFixed(4),
      `${change < 0 ? "−" : "+"}${Math.abs(change).toFixed(2)} %`,
      `${(100 * sameTop).toFixed(2)} %`,
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const head =
    "| Weights | File, MB | KL divergence to f32, nats per token | Bits per byte | Against f32 | Same likeliest token |";
  return [head, "| --- | --- | --- | --- | --- | --- |", ...lines].join("\n");
}

function chart(): string {
  const bars = (rows: readonly Row[], value: (row: Row) => number) =>
    rows.map((row) => {
      const size = value(row);
      return { label: row.name, value: size, min: size, max: size, accent: row.name.includes("calibrated") };
    });
  const panel = (title: string, value: (row: Row) => number) => ({
    title,
    groups: [
      { name: "fairy, 3.7 million parameters", bars: bars(fairy, value) },
      { name: "box, 6.2 million parameters", bars: bars(box, value) },
    ],
  });
  return barChart({
    title: "What formats of weights cost, and what they save",
    panels: [
      panel("KL divergence to f32, thousandths of a nat per token", (row) => 1000 * row.klDivergence),
      panel("File, MB", (row) => row.bytes / 1e6),
    ],
  });
}

function page(): string {
  return `# What formats of weights cost

![KL divergence and file size of each format](quality.svg)

**fairy**, on the beginning of a book that was held out of its training, ${number(Math.min(book.length, Number(limit)))} bytes:

${table(fairy)}

**box**, before it was packed, on ${talks.length} conversations of \`training/eval.json\`, each from an empty state, ${number(bytesOf(talks))} bytes:

${table(box)}

KL divergence says how far the model's probabilities are from those of the same model in f32, token by token; it sees
changes that the mean of bits per byte hides.

**What these numbers do not say**

- These are very small models. Larger ones, which were not measured, may lose less by the same format, and *which* of their matrices are sensitive does
  not carry over: \`--weights auto\` measures that for each model again.
- Perplexity, bits per byte and even KL divergence on prose hide what 4 bits do to reasoning: a chain of steps, a sum, a
  long quotation fails at one wrong token. If that is what the model is for, test it on that: \`npm run box:eval -- MODEL\`
  is such a test for the bundled model.
- In int4 the head, the low-rank matrices, and matrices that the file has as Q4_1 or Q4_K are int8. Q4_1 and Q4_K have a
  least value beside the scale, which int4 has not: they would be rounded a second time. Q4_0 is kept exactly.

**How it was made.** ${cpus()[0]?.model?.trim()}, Node ${process.versions.node}; the results are the same on any processor.
"Calibrated" is \`wkv convert --calibrate\` on 6,144 tokens that the model wrote itself (GPTQ); "int4 and int8" is
\`--weights auto\`. The book is read in one go, the state carried from the first token to the last.
\`${FAIRY}\` has SHA-256 \`${sha256(FAIRY)}…\`; box as \`training/export.py\` wrote it \`${sha256(boxFile as string)}…\`. From the corpus that
training/README.md names:

\`\`\`sh
sed -n '/^The Shifty Lad$/,$p' CORPUS | head -c -1 > held_out.txt
npm run bench:quality -- held_out.txt trained.safetensors${limit === "Infinity" ? "" : ` ${limit}`}
\`\`\`

For any model and text: \`wkv perplexity MODEL FILE --compare f32\`.

## How many weights share a scale

fairy with its large matrices rounded to int8 in blocks, everything else exact, on the first ${number(BLOCK_TEXT)} bytes:

${blockSizes}

Decoding reads every weight once per token, so bytes are time: from 32 columns to 64 there are 3 % to gain. The kernels have
blocks of 32, which hold Q8_0 exactly.
`;
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 16);
}
