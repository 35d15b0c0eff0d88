import { openBytes, readAll } from "./checkpoint-checks.ts";
import { safetensors } from "./make-checkpoints.ts";
import { random } from "./random.ts";
import { randomModel } from "./random-model.ts";
import { float32 } from "./tensor-values.ts";

const WIDTH = 128;
const BYTES = 256;

/**
 * A real RWKV-7 whose likeliest next token depends on the last one alone, and its vocabulary: what it says can be written
 * down, token for token. Its blocks add nothing, so that the head sees the last token's embedding.
 * @param scripts what it says after a prompt that ends with a character: the tokens' texts, or their bytes. All texts
 *   differ. After a script it ends the text.
 * @param loops begins a script again instead
 */
export async function chainModel(
  scripts: Readonly<Record<string, readonly (string | readonly number[])[]>>,
  loops = false,
): Promise<{ model: Uint8Array; vocab: Uint8Array }> {
  const tokens = Object.values(scripts).flat().map(asBytes);
  const next = new Array<number>(1 + BYTES + tokens.length).fill(0);
  let id = 1 + BYTES;
  for (const [character, script] of Object.entries(scripts)) {
    const first = id;
    next[character.charCodeAt(0) + 1] = first;
    for (let i = 1; i < script.length; i++) next[id++] = id;
    if (loops) next[id] = first;
    id++;
  }
  return { model: await weights(next), vocab: vocabulary(tokens) };
}

function asBytes(token: string | readonly number[]): Uint8Array {
  return typeof token === "string" ? new TextEncoder().encode(token) : Uint8Array.from(token);
}

async function weights(next: readonly number[]): Promise<Uint8Array> {
  const shape = { width: WIDTH, layers: 1, headSize: 64, vocabSize: next.length };
  const tensors = await readAll(await openBytes(randomModel(shape)));
  const set = (name: string, values: Float32Array | number) => {
    const dims = [...tensors.get(name)!.shape];
    const filled = typeof values === "number" ? new Float32Array(dims.reduce((a, b) => a * b)).fill(values) : values;
    tensors.set(name, float32(name, dims, filled));
  };
  for (const name of ["blocks.0.att.output.weight", "blocks.0.ffn.value.weight"]) set(name, 0);
  for (const norm of ["blocks.0.ln0", "ln_out"]) {
    set(`${norm}.weight`, 1);
    set(`${norm}.bias`, 0);
  }
  const flip = random(3);
  const codes = Float32Array.from({ length: next.length * WIDTH }, () => (flip(2) ? 1 : -1));
  const head = new Float32Array(codes.length);
  for (const [from, to] of next.entries())
    for (let i = 0; i < WIDTH; i++) if (from > BYTES || to > 0) head[to * WIDTH + i]! += codes[from * WIDTH + i]!;
  set("emb.weight", codes);
  set("head.weight", head);
  return safetensors([...tensors.values()]);
}

/** In the World format: the bytes, then the tokens. */
function vocabulary(tokens: readonly Uint8Array[]): Uint8Array {
  const all = [...Array.from({ length: BYTES }, (_, byte) => Uint8Array.of(byte)), ...tokens];
  const lines = all.map((bytes, i) => {
    const escaped = Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
    return `${i + 1} b'${escaped}' ${bytes.length}\n`;
  });
  return new TextEncoder().encode(lines.join(""));
}
