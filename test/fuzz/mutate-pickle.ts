import type { Choices } from "./choices.ts";
import { EDGES } from "./choices.ts";
import { joined, writeInteger } from "./mutate-bytes.ts";

const text = (latin1: string) => Uint8Array.from(Buffer.from(latin1, "latin1"));

/** Operations with their arguments: what could run, what asks for memory, what few pickles have, and the usual ones. */
const OPERATIONS = [
  ...[
    "cos\nsystem\n",
    "cbuiltins\neval\n",
    "c__builtin__\nexec\n",
    "ios\nsystem\n",
    "c\n\n",
    "R",
    "b",
    "o",
    "\x81",
    "\x92",
  ],
  ...["ctorch\nFloatStorage\n", "ctorch._utils\n_rebuild_tensor_v2\n", "ccollections\nOrderedDict\n"],
  ...["ctorch._utils\n_rebuild_parameter\n", "\x82\x01", "\x83\x01\x00", "L123L\n", "I01\n", "S'x'\n", "Vx\n", "P0\n"],
  ...[
    "\x8b\xff\xff\xff\x7f",
    "\x8a\x10",
    "\x8a\xff",
    "X\xff\xff\xff\xff",
    "X\x03\x00\x00\x00\xff\xfe\xfd",
    "B\xff\xff\xff\x7f",
  ],
  ...[
    "\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
    "\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",
    "\x95\xff\xff\xff\xff\xff\xff\xff\xff",
  ],
  ...[
    "d",
    "l",
    "a",
    "e",
    "s",
    "u",
    "t",
    ")",
    "]",
    "}",
    "(",
    "0",
    "1",
    "2",
    "N",
    "\x85",
    "\x86",
    "\x87",
    "\x94",
    "\x93",
    "Q",
    ".",
  ],
  ...["K\x05", "J\xff\xff\xff\x7f", "J\x00\x00\x00\x80", "M\xff\xff", "G\x7f\xf8\x00\x00\x00\x00\x00\x00", "\x8c\x01x"],
  ...[
    "q\x00",
    "h\x00",
    "r\xff\xff\xff\xff",
    "j\xff\xff\xff\xff",
    "\x80\x02",
    "\x80\x05",
    "\x80\xff",
    "\x8f",
    "\x90",
    "\x96\x01",
  ],
  ...["]q\x01h\x01a", "}q\x02(h\x02h\x02u", "(h\x00h\x00t"],
].map(text);
/** Repeated many times, these make deep or wide things of a few bytes. */
const REPEATED = ["2", "(", "]", "}0", "h\x00", ")\x85\x85"].map(text);

/** A pickle with one to four changed operations. */
export function mutatePickle(pickle: Uint8Array, choose: Choices): Uint8Array {
  const operations = split(pickle);
  choose.times(4, () => {
    const at = choose.int(operations.length);
    const own = operations[at] as Uint8Array;
    choose.pick([
      () => operations.splice(at, 1),
      () => operations.splice(at, 0, choose.pick(OPERATIONS)),
      () => operations.splice(at, 1, choose.pick(OPERATIONS)),
      () => operations.splice(at, 0, own),
      () => operations.splice(at, 1, choose.pick(operations)),
      () => operations.splice(at, 1, own.with(own.length - 1, choose.int(256))),
      () => operations.splice(at, 0, ...new Array(choose.pick([10, 1000, 30_000])).fill(choose.pick(REPEATED))),
      () => operations.splice(at, 1, writeInteger(text("\x8a\x08________"), 2, 8, choose.pick(EDGES))),
    ])();
  });
  return joined(...operations);
}

/** Bytes of an operation with its argument, where these are fixed. */
const LENGTHS: Record<string, number> = {
  ...Object.fromEntries([..."Kqh\x80"].map((name) => [name, 2])),
  ...Object.fromEntries([..."Jrj"].map((name) => [name, 5])),
  ...{ M: 3, G: 9, "\x95": 9 },
};

function split(pickle: Uint8Array): Uint8Array[] {
  const operations: Uint8Array[] = [];
  for (let at = 0; at < pickle.length; ) {
    const length = operationLength(pickle, at);
    operations.push(pickle.slice(at, at + length));
    at += length;
  }
  return operations;
}

function operationLength(pickle: Uint8Array, at: number): number {
  const name = String.fromCharCode(pickle[at] as number);
  const short = pickle[at + 1] ?? 0;
  if ("\x8a\x8cCU".includes(name)) return 2 + short;
  if ("XB".includes(name)) return 5 + new DataView(pickle.buffer, pickle.byteOffset).getUint32(at + 1, true);
  if (name === "c") return pickle.indexOf(10, pickle.indexOf(10, at) + 1) + 1 - at;
  return LENGTHS[name] ?? 1;
}
