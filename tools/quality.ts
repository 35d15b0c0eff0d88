// npm run bench:quality -- HELD_OUT.txt [BYTES]: measures what int8 costs the bundled model on a text that it has not
// been trained on, and writes docs/quality.md. With BYTES only the beginning of the text is read.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { loadModel, type Perplexity } from "wkv";
import { perplexity } from "wkv/measure";
import { blockSizeTable, measureBlockSizes } from "./block-sizes.ts";

const MODEL = "models/fairy/fairy.safetensors";
const VOCAB = "models/fairy/vocab.txt";
const PAGE = "docs/quality.md";
/** Of the text, for the sizes of blocks. */
const BLOCK_TEXT = 30_000;

const [path, limit = "Infinity"] = process.argv.slice(2);
if (path === undefined || !(Number(limit) > 0)) {
  console.error("wkv: give the held-out text: npm run bench:quality -- HELD_OUT.txt [BYTES]");
  process.exit(2);
}
const text = readFileSync(path);
const part = text.subarray(0, Number(limit));
const result = await measure(part);
const blockSizes = blockSizeTable(await measureBlockSizes(MODEL, VOCAB, text.subarray(0, BLOCK_TEXT)));
mkdirSync("docs", { recursive: true });
writeFileSync(PAGE, page(result));
console.error(`wkv: ${PAGE} written`);

async function measure(bytes: Uint8Array): Promise<Perplexity> {
  const int8 = await loadModel(MODEL, { weights: "int8" });
  const f32 = await loadModel(MODEL, { weights: "f32" });
  try {
    let shown = 0;
    return await perplexity(int8, bytes, {
      compare: f32,
      onProgress: ({ tokens, total }) => {
        const percent = Math.floor((100 * tokens) / total);
        if (percent > shown && percent % 10 === 0) console.error(`wkv: ${(shown = percent)} %`);
      },
    });
  } finally {
    await int8.dispose();
    await f32.dispose();
  }
}

function page(int8: Perplexity): string {
  const f32 = int8.compared!;
  const change = 100 * (int8.bitsPerByte / f32.bitsPerByte - 1);
  const read =
    part.length === text.length
      ? `${number(text.length)} bytes`
      : `the first ${number(part.length)} of ${number(text.length)} bytes`;
  return `# What int8 weights cost

| Weights | Bits per byte | Nats per token | Perplexity | Mean KL divergence to f32 (nats) | Same likeliest token |
| --- | --- | --- | --- | --- | --- |
| f32 | ${f32.bitsPerByte.toFixed(4)} | ${f32.natsPerToken.toFixed(4)} | ${f32.perplexity.toFixed(3)} | | |
| int8 | ${int8.bitsPerByte.toFixed(4)} | ${int8.natsPerToken.toFixed(4)} | ${int8.perplexity.toFixed(3)} | ${f32.klDivergence.toExponential(2)} | ${(100 * f32.sameTop).toFixed(2)} % |

int8 changes the bits per byte by ${change.toFixed(3)} %.

- **Model**: \`${MODEL}\`, SHA-256 \`${sha256(readFileSync(MODEL)).slice(0, 16)}…\`.
- **Text**: the book held out of the training (see training/README.md in the repository), ${read},
  ${number(int8.tokens)} tokens; SHA-256 \`${sha256(text).slice(0, 16)}…\`.
- **How it is read**: in one go, the state carried from the first token to the last, an end-of-text token before the first.
  Nothing marks the borders between the stories; \`training/evaluate.py\`, which restarts for each story, gives another figure.

This page is written, from the corpus that training/README.md names, by

\`\`\`sh
sed -n '/^The Shifty Lad$/,$p' CORPUS | head -c -1 > held_out.txt
npm run bench:quality -- held_out.txt${limit === "Infinity" ? "" : ` ${limit}`}
\`\`\`

## How many weights share a scale

The same model, its large matrices rounded to int8 in blocks, everything else exact, on the first ${number(BLOCK_TEXT)} bytes:

${blockSizes}

Decoding reads every weight once per token, so bytes are time: from 32 columns to 64 there are 3 % to gain. The kernels have
blocks of 32, which hold Q8_0 exactly.

For any model and text: \`wkv perplexity MODEL FILE --compare f32\`.
`;
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
