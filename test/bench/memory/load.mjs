// Loads a model, reads three tokens, with an argument writes as many, and says what it took; plain JavaScript, as a program that uses wkv would be.
import { existsSync, readFileSync } from "node:fs";
import { loadModel } from "wkv";

const start = performance.now();
const options = JSON.parse(process.argv[3] ?? "{}");
const model = await loadModel(process.argv[2], { vocab: null, threads: 2, ...options });
const seconds = (performance.now() - start) / 1000;
const loaded = peak();
const session = model.createSession();
const logits = await session.feed([5, 6, 7]);
const bits = new Uint32Array(logits.buffer).reduce((sum, word) => (Math.imul(sum, 31) + word) | 0, 0);
const { bytes, stateBytes } = model.info;
const written = await write(Number(process.argv[4] ?? 0));
console.log(
  JSON.stringify({
    peak: loaded,
    answered: peak(),
    bytes,
    stateBytes,
    seconds,
    bits,
    finite: logits.every(Number.isFinite),
    ...written,
  }),
);
await model.dispose();

/** The likeliest tokens. */
async function write(count) {
  const tokens = [];
  const begin = performance.now();
  for (let last = logits; tokens.length < count; last = await session.feed(tokens.slice(-1)))
    tokens.push(last.reduce((best, logit, id) => (logit > last[best] ? id : best), 0));
  return count > 0 ? { tokens, rate: count / ((performance.now() - begin) / 1000) } : {};
}

/** Bytes. Of Linux's two figures the one that does not count the memory of the program that started this one. */
function peak() {
  const status = "/proc/self/status";
  if (!existsSync(status)) return process.resourceUsage().maxRSS * 1024;
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(status, "utf8"))?.[1]) * 1024;
}
