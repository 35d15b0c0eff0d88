import * as abi from "../../assembly/abi.ts";
import { WkvError } from "../errors.ts";
import type { Platform, Simd } from "./platform.ts";

/**
 * What the relaxed dot product of four bytes is on this machine: one instruction whose second operand is unsigned or
 * signed, or several, in which case only the two-byte product is worth using.
 */
export type RelaxedDot = "unsigned" | "signed" | "pairs";

/** The kernels to run. All give the same bits. */
export interface Kernels {
  readonly simd: Simd;
  /** Absent for plain SIMD. */
  readonly relaxedDot?: RelaxedDot;
}

/** The kernels' number for it. */
export const DOT_KINDS: Readonly<Record<RelaxedDot, number>> = {
  unsigned: abi.DOT_UNSIGNED,
  signed: abi.DOT_SIGNED,
  pairs: abi.DOT_PAIRS,
};

const PLAIN: Kernels = { simd: "plain" };

/**
 * The kernels to run: the requested build, by default relaxed SIMD if its dot product is one instruction. This is
 * measured, because neither the processor nor the runtime's version determines it: on one processor it takes 1.0 of a
 * plain dot product's latency in Node 24 and Deno, 2 in Node 22 and 3 in Bun.
 * @throws RangeError for another word; WkvError `engine` if relaxed SIMD is requested and missing or incorrect
 */
export async function chooseKernels(asked: Simd | undefined, { mayRelax }: Platform): Promise<Kernels> {
  if (asked !== undefined && asked !== "plain" && asked !== "relaxed")
    throw new RangeError(`"simd" expected "plain" or "relaxed", got ${JSON.stringify(asked)}`);
  if (asked === "plain") return PLAIN;
  const relaxedDot = mayRelax ? await relaxedDotHere() : undefined;
  if (relaxedDot && (asked === "relaxed" || relaxedDot !== "pairs")) return { simd: "relaxed", relaxedDot };
  if (asked === undefined) return PLAIN;
  throw new WkvError(
    "engine",
    'This runtime has no relaxed SIMD, or computes it incorrectly: omit the option "simd", or use a newer version of it.',
  );
}

/**
 * `dot(end)`: for every 16 bytes below `end`, the relaxed dot product of those at A and at B plus the four integers at
 * C, to OUT. `relaxedChain(turns)` and `plainChain(turns)`: dot products, each waiting for the one before. As text in
 * test/host/engine/simd.test.ts.
 */
export const PROBE =
  "AGFzbQEAAAABBQFgAX8AAwQDAAAABQMBAAEHLAQGbWVtb3J5AgADZG90AAAMcmVsYXhlZENoYWluAAEKcGxhaW5DaGFpbgACCskBAzEBAX8DQCAB" +
  "IAH9AAQAIAH9AASAICAB/QAEgED9kwL9CwSAYCABQRBqIgEgAEkNAAsLTgECe0EA/QAEgCAhAgNAIAEgAiAC/ZMCIQEgASACIAL9kwIhASABIAIg" +
  "Av2TAiEBIAEgAiAC/ZMCIQEgAEEBayIADQALQQAgAf0LBIBgC0YBAntBAP0ABIAgIQIDQCABIAL9ugEhASABIAL9ugEhASABIAL9ugEhASABIAL9" +
  "ugEhASAAQQFrIgANAAtBACAB/QsEgGAL";
const [A, B, C, OUT] = [0, 4096, 8192, 12288];
const BYTES = 4096;

interface Probe {
  memory: WebAssembly.Memory;
  dot(end: number): void;
  relaxedChain(turns: number): void;
  plainChain(turns: number): void;
}

let found: Promise<RelaxedDot | undefined> | undefined;

/**
 * The relaxed dot product in this process; undefined if it is missing, or inexact where its result does not depend on
 * the machine. Takes 2 to 5 ms, once.
 */
export function relaxedDotHere(): Promise<RelaxedDot | undefined> {
  return (found ??= findRelaxedDot());
}

async function findRelaxedDot(): Promise<RelaxedDot | undefined> {
  const bytes = Uint8Array.from(atob(PROBE), (character) => character.charCodeAt(0));
  if (!WebAssembly.validate(bytes)) return undefined;
  // workerd compiles nothing at run time. Its V8 is known to be correct: test/runtimes compares the bits there.
  const module = await WebAssembly.compile(bytes).catch(() => undefined);
  if (!module) return "pairs";
  const probe = (await WebAssembly.instantiate(module)).exports as unknown as Probe;
  if (!dotIsRight(probe)) return undefined;
  return isOneInstruction(probe) ? kindOf(probe) : "pairs";
}

function dotIsRight({ memory: { buffer }, dot }: Probe): boolean {
  const a = new Int8Array(buffer, A, BYTES);
  const b = new Int8Array(buffer, B, BYTES);
  const c = new Int32Array(buffer, C, BYTES / 4);
  for (let i = 0; i < BYTES; i++) [a[i], b[i]] = [i * 37 - 128, (i * 89) & 127];
  for (let i = 0; i < BYTES / 4; i++) c[i] = Math.imul(i, 0x9e3779b1);
  dot(BYTES);
  const product = (i: number) => (a[i] as number) * (b[i] as number);
  const exact = (i: number) => ((c[i] as number) + [0, 1, 2, 3].reduce((sum, j) => sum + product(4 * i + j), 0)) | 0;
  return new Int32Array(buffer, OUT, BYTES / 4).every((out, i) => out === exact(i));
}

const CHAIN_TURNS = 2000;
const CHAIN_SAMPLES = 12;
/** Relative to a plain dot product's latency: one instruction was measured at 1.0, several at 1.4 and more. */
const ONE_INSTRUCTION = 1.3;

/**
 * By latency, which is the same before and after the runtime's compiler has warmed up. False if the clock is too
 * coarse.
 */
function isOneInstruction({ relaxedChain, plainChain }: Probe): boolean {
  let [relaxed, plain] = [Infinity, Infinity];
  for (let i = 0; i < CHAIN_SAMPLES; i++) {
    relaxed = Math.min(relaxed, timed(relaxedChain));
    plain = Math.min(plain, timed(plainChain));
  }
  return relaxed / plain < ONE_INSTRUCTION; // 0 / 0 is not
}

function timed(chain: (turns: number) => void): number {
  const start = performance.now();
  chain(CHAIN_TURNS);
  return performance.now() - start;
}

/** By 4 × 127 × 0xff: the specification lets 0xff be 255 or −1, and sums of two saturate. */
function kindOf({ memory: { buffer }, dot }: Probe): RelaxedDot {
  new Int8Array(buffer, A, 16).fill(127);
  new Uint8Array(buffer, B, 16).fill(255);
  new Int32Array(buffer, C, 4).fill(0);
  dot(16);
  const sum = new Int32Array(buffer, OUT, 4)[0];
  if (sum === 4 * 127 * 255) return "unsigned";
  return sum === -4 * 127 ? "signed" : "pairs";
}
