import { ByteWriter } from "./byte-writer.ts";

/** Python values that JavaScript has no twin of. Arrays stand for lists, strings for str, bigints and numbers for int. */
type Py =
  | { py: "tuple"; items: readonly unknown[] }
  | { py: "dict"; items: readonly (readonly [unknown, unknown])[] }
  | { py: "global"; module: string; name: string }
  | { py: "reduce"; callee: unknown; args: unknown }
  | { py: "persistent"; id: unknown };

export const tuple = (...items: readonly unknown[]): Py => ({ py: "tuple", items });
export const dict = (items: readonly (readonly [unknown, unknown])[]): Py => ({ py: "dict", items });
/** A class or function by its import path. */
export const global = (module: string, name: string): Py => ({ py: "global", module, name });
/** The call of a global. */
export const reduce = (callee: unknown, args: unknown): Py => ({ py: "reduce", callee, args });
/** What the file holds outside the pickle: torch's storages. */
export const stored = (id: unknown): Py => ({ py: "persistent", id });

/** A pickle of protocol 2, as torch.save writes it, but without a memo. */
export function pickle(value: unknown): Uint8Array {
  const out = new ByteWriter().u8(0x80, 2);
  put(out, value);
  return out.text(".").bytes();
}

function put(out: ByteWriter, value: unknown): void {
  if (value === null) out.text("N");
  else if (typeof value === "boolean") out.u8(value ? 0x88 : 0x89);
  else if (typeof value === "bigint") putLong(out, value);
  else if (typeof value === "number") putNumber(out, value);
  else if (typeof value === "string") out.text("X").u32(new TextEncoder().encode(value).length).text(value);
  else if (Array.isArray(value)) putGroup(out.text("]"), value, "e");
  else putPy(out, value as Py);
}

function putPy(out: ByteWriter, value: Py): void {
  switch (value.py) {
    case "tuple":
      putGroup(out, value.items, "t");
      break;
    case "dict":
      putGroup(out.text("}"), value.items.flat(), "u");
      break;
    case "global":
      out.text(`c${value.module}\n${value.name}\n`);
      break;
    case "persistent":
      put(out, value.id);
      out.text("Q");
      break;
    case "reduce":
      put(out, value.callee);
      put(out, value.args);
      out.text("R");
  }
}

function putGroup(out: ByteWriter, items: readonly unknown[], end: string): void {
  out.text("(");
  for (const item of items) put(out, item);
  out.text(end);
}

function putNumber(out: ByteWriter, value: number): void {
  if (Number.isInteger(value) && value === (value | 0)) out.text("J").i32(value);
  else if (Number.isSafeInteger(value)) putLong(out, BigInt(value));
  else out.text("G").raw(new Uint8Array(new Float64Array([value]).buffer).reverse());
}

/** LONG1 in 16 bytes: longer than Python would write, and as legal. */
function putLong(out: ByteWriter, value: bigint): void {
  out
    .u8(0x8a, 16)
    .u64(BigInt.asUintN(64, value))
    .u64(BigInt.asUintN(64, value >> 64n));
}
