import { WkvError } from "../errors.ts";
import type { Platform, Simd } from "./platform.ts";

/**
 * The build that runs where nobody says. Their results have the same bits; plain is the faster one, or not slower, on
 * the processors measured so far.
 */
const DEFAULT: Simd = "plain";

/**
 * The build to run: what was asked for, else the one that is faster here.
 * @throws RangeError for another word; WkvError `engine` when relaxed SIMD is asked for and is not there, or wrong
 */
export async function chooseSimd(asked: Simd | undefined, { mayRelax }: Platform): Promise<Simd> {
  if (asked !== undefined && asked !== "plain" && asked !== "relaxed")
    throw new RangeError(`"simd" expected "plain" or "relaxed", got ${JSON.stringify(asked)}`);
  const simd = asked ?? DEFAULT;
  if (simd === "plain" || (mayRelax && (await relaxedWorks()))) return simd;
  if (asked === undefined) return "plain";
  throw new WkvError(
    "engine",
    'This runtime has no relaxed SIMD, or computes it wrongly: leave the option "simd" out, or use a newer version of it.',
  );
}

/**
 * `dot(end)`: for every 16 bytes below `end`, the relaxed dot product of those at A and at B plus the four integers at C,
 * to OUT. As text in test/host/simd.test.ts.
 */
export const PROBE =
  "AGFzbQEAAAABBQFgAX8AAwIBAAUDAQABBxACBm1lbW9yeQIAA2RvdAAACjMBMQEBfwNAIAEgAf0ABAAgAf0ABIAgIAH9AASAQP2TAv0LBIBgIAFB" +
  "EGoiASAASQ0ACws=";
const [A, B, C, OUT] = [0, 4096, 8192, 12288];
const BYTES = 4096;

/** Whether i32x4.relaxed_dot_i8x16_i7x16_add_s is there, and exact where its result is not left to the machine. */
export async function relaxedWorks(): Promise<boolean> {
  const bytes = Uint8Array.from(atob(PROBE), (character) => character.charCodeAt(0));
  if (!WebAssembly.validate(bytes)) return false;
  // workerd compiles nothing at run time. Its V8 is known to be right: test/runtimes compares the bits there.
  const module = await WebAssembly.compile(bytes).catch(() => undefined);
  return !module || dotIsRight((await WebAssembly.instantiate(module)).exports as unknown as Probe);
}

interface Probe {
  memory: WebAssembly.Memory;
  dot(end: number): void;
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
