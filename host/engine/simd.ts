import * as abi from "../../assembly/abi.ts";
import { WkvError } from "../errors.ts";
import type { Platform, Simd } from "./platform.ts";

/**
 * What the relaxed dot product of four bytes is on this machine: one instruction whose second operand is unsigned or
 * signed, or several, in which case the int4 kernels use that of two bytes, and the int8 kernels are those of plain SIMD.
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
 * The kernels to run: the requested build, by default relaxed SIMD if a dot product of it is one instruction. This is
 * measured, because neither the processor nor the runtime's version determines it: on one processor that of four bytes
 * takes 1.0 of a plain dot product's latency in Node 24 and Deno, 2 in Node 22 and 3 in Bun.
 * @throws RangeError for another word; WkvError `engine` if relaxed SIMD is requested and missing or incorrect
 */
export async function chooseKernels(asked: Simd | undefined, { mayRelax }: Platform): Promise<Kernels> {
  if (asked !== undefined && asked !== "plain" && asked !== "relaxed")
    throw new RangeError(`"simd" expected "plain" or "relaxed", got ${JSON.stringify(asked)}`);
  if (asked === "plain") return PLAIN;
  const found = mayRelax ? await relaxedDotHere() : undefined;
  if (found && (asked === "relaxed" || found.pays)) return { simd: "relaxed", relaxedDot: found.kind };
  if (asked === undefined) return PLAIN;
  throw new WkvError(
    "engine",
    'This runtime has no relaxed SIMD, or computes it incorrectly: omit the option "simd", or use a newer version of it.',
  );
}

/**
 * `dot(end)`: for every 16 bytes below `end`, the relaxed dot product of those at A and at B plus the four integers at
 * C, to OUT; `pairs(end)`: that of two bytes. `relaxedChain(turns)`, `pairsChain(turns)`, `plainChain(turns)`: chains
 * of dot products. As text in test/host/engine/simd.test.ts.
 */
export const PROBE =
  "AGFzbQEAAAABBQFgAX8AAwYFAAAAAAAFAwEAAQdBBgZtZW1vcnkCAANkb3QAAAVwYWlycwABDHJlbGF4ZWRDaGFpbgACCnBhaXJzQ2hhaW4AAwpwbGFp" +
  "bkNoYWluAAQKuwIFMQEBfwNAIAEgAf0ABAAgAf0ABIAgIAH9AASAQP2TAv0LBIBgIAFBEGoiASAASQ0ACwsqAQF/A0AgASAB/QAEACAB/QAEgCD9kgL9" +
  "CwSAYCABQRBqIgEgAEkNAAsLTgECe0EA/QAEgCAhAgNAIAEgAiAC/ZMCIQEgASACIAL9kwIhASABIAIgAv2TAiEBIAEgAiAC/ZMCIQEgAEEBayIADQAL" +
  "QQAgAf0LBIBgC0YBAntBAP0ABIAgIQIDQCABIAL9kgIhASABIAL9kgIhASABIAL9kgIhASABIAL9kgIhASAAQQFrIgANAAtBACAB/QsEgGALRgECe0EA" +
  "/QAEgCAhAgNAIAEgAv26ASEBIAEgAv26ASEBIAEgAv26ASEBIAEgAv26ASEBIABBAWsiAA0AC0EAIAH9CwSAYAs=";
const [A, B, C, OUT] = [0, 4096, 8192, 12288];
const BYTES = 4096;

interface Probe {
  memory: WebAssembly.Memory;
  dot(end: number): void;
  pairs(end: number): void;
  relaxedChain: Chain;
  pairsChain: Chain;
  plainChain: Chain;
}

/** Dot products, each waiting for the one before. */
type Chain = (turns: number) => void;

interface Found {
  readonly kind: RelaxedDot;
  /** Whether it is one instruction. */
  readonly pays: boolean;
}

let found: Promise<Found | undefined> | undefined;

/**
 * The relaxed dot product in this process; undefined if it is missing, or inexact where its result does not depend on
 * the machine. Takes 2 to 5 ms, once.
 */
export function relaxedDotHere(): Promise<Found | undefined> {
  return (found ??= findRelaxedDot());
}

async function findRelaxedDot(): Promise<Found | undefined> {
  const bytes = Uint8Array.from(atob(PROBE), (character) => character.charCodeAt(0));
  if (!WebAssembly.validate(bytes)) return undefined;
  // workerd compiles nothing at run time. Its V8 is known to be correct: test/runtimes compares the bits there.
  const module = await WebAssembly.compile(bytes).catch(() => undefined);
  if (!module) return { kind: "pairs", pays: false };
  const probe = (await WebAssembly.instantiate(module)).exports as unknown as Probe;
  if (!dotsAreRight(probe)) return undefined;
  const kind = isOneInstruction(probe, probe.relaxedChain) ? kindOf(probe) : "pairs";
  return { kind, pays: kind !== "pairs" || isOneInstruction(probe, probe.pairsChain) };
}

function dotsAreRight({ memory: { buffer }, dot, pairs }: Probe): boolean {
  const a = new Int8Array(buffer, A, BYTES);
  const b = new Int8Array(buffer, B, BYTES);
  const c = new Int32Array(buffer, C, BYTES / 4);
  for (let i = 0; i < BYTES; i++) [a[i], b[i]] = [i * 37 - 128, (i * 89) & 127];
  for (let i = 0; i < BYTES / 4; i++) c[i] = Math.imul(i, 0x9e3779b1);
  const product = (i: number) => (a[i] as number) * (b[i] as number);
  const pair = (i: number) => product(2 * i) + product(2 * i + 1);
  pairs(BYTES);
  if (!new Int16Array(buffer, OUT, BYTES / 2).every((out, i) => out === pair(i))) return false;
  dot(BYTES);
  const exact = (i: number) => ((c[i] as number) + pair(2 * i) + pair(2 * i + 1)) | 0;
  return new Int32Array(buffer, OUT, BYTES / 4).every((out, i) => out === exact(i));
}

const CHAIN_TURNS = 2000;
/** Until the chain counts as several instructions: on a busy machine, 12 were not always enough. */
const CHAIN_SAMPLES = 36;
/** Relative to a plain dot product's latency: one instruction was measured at 1.0, several at 1.4 and more. */
const ONE_INSTRUCTION = 1.3;

/**
 * By latency, which is the same before and after the runtime's compiler has warmed up. False if the clock is too
 * coarse.
 */
function isOneInstruction({ plainChain }: Probe, chain: Chain): boolean {
  let [relaxed, plain] = [Infinity, Infinity];
  for (let i = 1; i <= CHAIN_SAMPLES; i++) {
    relaxed = Math.min(relaxed, timed(chain));
    plain = Math.min(plain, timed(plainChain));
    if (i % 12 === 0 && relaxed / plain < ONE_INSTRUCTION) return true; // 0 / 0 is not
  }
  return false;
}

function timed(chain: Chain): number {
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
