// Loads a model, reads three tokens, and says what it took; plain JavaScript, as a program that uses wkv would be.
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
console.log(
  JSON.stringify({
    peak: loaded,
    answered: peak(),
    bytes,
    stateBytes,
    seconds,
    bits,
    finite: logits.every(Number.isFinite),
  }),
);
await model.dispose();

/** Bytes. Of Linux's two figures the one that does not count the memory of the program that started this one. */
function peak() {
  const status = "/proc/self/status";
  if (!existsSync(status)) return process.resourceUsage().maxRSS * 1024;
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(status, "utf8"))?.[1]) * 1024;
}
