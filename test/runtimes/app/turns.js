import { remote } from "./fetching.js";

/** A symbol an id, for a model that comes without a vocabulary. */
const VOCAB = new TextEncoder().encode(Array.from({ length: 96 }, (_, id) => String.fromCodePoint(0x4e00 + id)).join("\n"));
const PROMPT = Array.from({ length: 512 }, (_, i) => 1 + ((i * 37) % 90));
const INTERVAL_MS = 5;

/**
 * Whether the program goes on while a model of the 0.1B shape loads, reads a prompt of four batches and writes: by how
 * many milliseconds a timer is late that should come every 5, and how long the prompt took.
 */
export async function turns({ loadModel }, base, options) {
  const model = await loadModel(await remote(`${base}/data/published.safetensors`), { vocab: VOCAB, ...options });
  const stop = watchTimer();
  const start = performance.now();
  const session = model.createSession();
  await session.feed(PROMPT);
  const prefill = performance.now() - start;
  for await (const _ of session.generate([], { maxTokens: 64, seed: 7 }));
  const late = stop().sort((a, b) => a - b);
  await model.dispose();
  const percentile = (share) => late[Math.ceil(share * late.length) - 1];
  return { prefill, timers: late.length, late: percentile(0.99), latest: percentile(1) };
}

/** @returns ends it, and gives how late each timer was, in milliseconds */
function watchTimer() {
  const late = [];
  let timer;
  const next = () => {
    const due = performance.now() + INTERVAL_MS;
    timer = setTimeout(() => {
      late.push(performance.now() - due);
      next();
    }, INTERVAL_MS);
  };
  next();
  return () => {
    clearTimeout(timer);
    return late;
  };
}
