import { content, remote } from "./fetching.js";

/**
 * What every runtime is asked, in the words that all of them understand: loads the goldens' models and the model in the
 * box, and says what came out as hashes. `base`: the address of the test's server.
 */
export async function probe({ loadModel }, base) {
  const { goldens, stories } = await (await fetch(`${base}/data/cases.json`)).json();
  const results = { agent: globalThis.navigator?.userAgent };
  for (const [name, options] of Object.entries(CONFIGURATIONS)) results[name] = await run(options);
  return results;

  async function run(options) {
    const hashes = {};
    let info;
    try {
      for (const weights of ["f32", "int8"]) {
        for (const { file, tokens } of goldens) {
          const model = await loadModel(await content(`${base}/data/${file}`), { weights, vocab: null, ...options });
          info = model.info;
          hashes[`${file} ${weights}`] = await hashOf(await logits(model, tokens));
          await model.dispose();
        }
        const vocab = new URL(`${base}/data/fairy.vocab.txt`);
        const model = await loadModel(await content(`${base}/data/fairy.safetensors`), { weights, vocab, ...options });
        for (const story of stories) hashes[`story ${story.seed} ${weights}`] = await hashOf(await tell(model, story));
        await checkStreams(model, stories[0]);
        await model.dispose();
      }
    } catch (error) {
      return { error: String(error), hashes };
    }
    return { threads: info.threads, singleThreadReason: info.singleThreadReason, simd: info.simd, hashes };
  }
}

/** Decoding speed of a model, after a prompt: tokens a second, the median of five rounds. */
export async function speed({ loadModel }, base, options) {
  const model = await loadModel(await remote(`${base}/data/large.safetensors`), { vocab: null, ...options });
  const session = model.createSession();
  await session.feed(Array.from({ length: 256 }, (_, i) => 1 + ((i * 37) % 90)));
  const rounds = [];
  for (let round = 0; round < 6; round++) {
    const start = performance.now();
    for (let i = 0; i < TOKENS; i++) await session.feed(1 + ((i * 37) % 90));
    rounds.push((TOKENS / (performance.now() - start)) * 1000);
  }
  const { threads, simd } = model.info;
  await model.dispose();
  return { threads, simd, tokensPerSecond: rounds.slice(1).sort((a, b) => a - b)[2] };
}

const TOKENS = 16;
const CONFIGURATIONS = {
  plain: { simd: "plain", threads: 1 },
  threaded: { simd: "plain", threads: 3 },
  relaxed: { simd: "relaxed", threads: 1 },
  "relaxed threaded": { simd: "relaxed", threads: 3 },
};

/** Fed one by one after a first chunk, so that both paths are taken. */
async function logits(model, tokens) {
  const session = model.createSession();
  const rows = [await session.feed(tokens.slice(0, 20))];
  for (const token of tokens.slice(20)) rows.push(await session.feed(token));
  const all = new Float32Array(rows.length * model.info.vocabSize);
  for (const [i, row] of rows.entries()) all.set(row, i * model.info.vocabSize);
  return all;
}

async function tell(model, { prompt, seed }) {
  let text = "";
  const session = model.createSession();
  for await (const piece of session.generate(prompt, { seed, temperature: 0.8, topP: 0.9, maxTokens: 80 }))
    text += piece.text;
  return new TextEncoder().encode(text);
}

/** A stream gives the same text, and leaves the session usable when it is cancelled. */
async function checkStreams(model, { prompt, seed }) {
  const session = model.createSession();
  const options = { seed, temperature: 0.8, topP: 0.9, maxTokens: 80 };
  const whole = await new Response(session.fork().generate(prompt, options).toTextStream()).arrayBuffer();
  const told = await tell(model, { prompt, seed });
  if ((await hashOf(whole)) !== (await hashOf(told))) throw new Error("the stream gives another text");
  const reader = session.generate(prompt, options).toReadableStream().getReader();
  await reader.read();
  await reader.cancel();
  await session.feed([1]);
  session.dispose();
}

async function hashOf(values) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", values));
  return Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
