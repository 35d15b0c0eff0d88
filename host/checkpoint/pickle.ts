import { damaged } from "./damage.ts";
import { PickleBytes } from "./pickle-bytes.ts";
import { refusal } from "./python-objects.ts";

/** Everything a pickle may reach outside itself. Nothing else is reachable, so nothing else can run. */
export interface PickleHost {
  /** File name for messages. */
  readonly file: string;
  /** The value of `module.name`, or undefined to refuse it. The pickle can call it only if it is a function. */
  global(path: string): unknown;
  /** The value of a persistent id: torch names its storages this way. */
  persistent(id: unknown): unknown;
}

/** A state dict takes about 40 steps per tensor, and its pickler empties the stack every thousand items. */
const MAX_STEPS = 500_000;
const MAX_STACK = 20_000;

/**
 * Runs one pickle. None, bool, int and float become null, boolean, number (bigint beyond 2^53) and number; str, bytes,
 * list, tuple, set and dict become string, Uint8Array, array, array, array and Map.
 * @returns the value, and the byte after the pickle
 * @throws PickleCutOff if the bytes end first
 * @throws WkvError `bad-file` for a global that the host refuses, and for anything torch.save does not write
 */
export function unpickle(bytes: Uint8Array, host: PickleHost): { value: unknown; end: number } {
  const input = new PickleBytes(bytes, host.file);
  const machine = new Machine(input, host);
  for (let step = 0; step < MAX_STEPS; step++) {
    const at = input.at;
    const code = input.u8();
    if (code === STOP) return { value: machine.pop(), end: input.at };
    const instruction = INSTRUCTIONS.get(code);
    if (!instruction)
      throw damaged(
        host.file,
        `the pickle's byte ${at} is instruction 0x${code.toString(16).padStart(2, "0")}, which torch.save does not use ` +
          "for weights: the file is damaged, or holds more than a state dict. Fetch it again or save only model.state_dict().",
      );
    instruction(machine);
  }
  throw damaged(host.file, `the pickle runs for more than ${MAX_STEPS} steps: this is not a model's list of tensors.`);
}

/** The pickle's stack and memo. */
class Machine {
  readonly input: PickleBytes;
  readonly host: PickleHost;
  readonly memo = new Map<number, unknown>();
  private readonly stack: unknown[] = [];
  /** Heights of the stack where a group of values begins. */
  private readonly marks: number[] = [];

  constructor(input: PickleBytes, host: PickleHost) {
    this.input = input;
    this.host = host;
  }

  push(value: unknown): void {
    if (this.stack.length >= MAX_STACK) this.input.fail(`stacks more than ${MAX_STACK} values`);
    this.stack.push(value);
  }

  pop(): unknown {
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) this.input.fail("takes a value where there is none");
    return this.stack.pop();
  }

  top(): unknown {
    const value = this.pop();
    this.stack.push(value);
    return value;
  }

  mark(): void {
    if (this.marks.length >= MAX_STACK) this.input.fail(`opens more than ${MAX_STACK} groups`);
    this.marks.push(this.stack.length);
  }

  popGroup(): unknown[] {
    const start = this.marks.pop();
    if (start === undefined) this.input.fail("closes a group that was never opened");
    return this.stack.splice(start);
  }

  popMany(count: number): unknown[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  remember(index: number): void {
    this.memo.set(index, this.top());
  }

  recall(index: number): void {
    if (!this.memo.has(index)) this.input.fail(`recalls value ${index}, which it never stored,`);
    this.push(this.memo.get(index));
  }

  pushGlobal(module: unknown, name: unknown): void {
    if (typeof module !== "string" || typeof name !== "string") this.input.fail("names an object by what is not text");
    const path = `${module}.${name}`;
    const value = this.host.global(path);
    if (value === undefined) throw refusal(path, this.host.file);
    this.push(value);
  }

  /** REDUCE and NEWOBJ: the only functions on the stack are those provided by the host. */
  call(): void {
    const args = this.pop();
    const callee = this.pop();
    if (typeof callee !== "function" || !Array.isArray(args)) this.input.fail("calls what is not a function");
    this.push(callee(args));
  }

  /** Puts key, value, key, value ... into the dict on top. */
  setItems(items: unknown[]): void {
    const dict = this.top();
    if (!(dict instanceof Map) || items.length % 2 !== 0) this.input.fail("sets items of what is not a dict");
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  }

  append(items: unknown[]): void {
    const list = this.top();
    if (!Array.isArray(list)) this.input.fail("appends to what is not a list");
    for (const item of items) list.push(item);
  }
}

const STOP = char(".");

/** What torch.save writes, protocols 2 to 5, and no more. Python's names for the instructions are on the right. */
const INSTRUCTIONS = new Map<number, (m: Machine) => void>([
  [0x80, (m) => void m.input.u8()], // PROTO
  [0x95, (m) => void m.input.u64()], // FRAME
  [char("("), (m) => m.mark()], // MARK
  [char("0"), (m) => void m.pop()], // POP
  [char("1"), (m) => void m.popGroup()], // POP_MARK
  [char("2"), (m) => m.push(m.top())], // DUP

  [char("N"), (m) => m.push(null)], // NONE
  [0x88, (m) => m.push(true)], // NEWTRUE
  [0x89, (m) => m.push(false)], // NEWFALSE
  [char("J"), (m) => m.push(m.input.i32())], // BININT
  [char("K"), (m) => m.push(m.input.u8())], // BININT1
  [char("M"), (m) => m.push(m.input.u16())], // BININT2
  [0x8a, (m) => m.push(m.input.long(m.input.u8()))], // LONG1
  [0x8b, (m) => m.push(m.input.long(m.input.i32()))], // LONG4
  [char("G"), (m) => m.push(m.input.f64())], // BINFLOAT
  [char("X"), (m) => m.push(m.input.text(m.input.u32()))], // BINUNICODE
  [0x8c, (m) => m.push(m.input.text(m.input.u8()))], // SHORT_BINUNICODE
  [0x8d, (m) => m.push(m.input.text(m.input.u64()))], // BINUNICODE8
  [char("C"), (m) => m.push(m.input.raw(m.input.u8()))], // SHORT_BINBYTES
  [char("B"), (m) => m.push(m.input.raw(m.input.u32()))], // BINBYTES
  [0x8e, (m) => m.push(m.input.raw(m.input.u64()))], // BINBYTES8
  [0x96, (m) => m.push(m.input.raw(m.input.u64()))], // BYTEARRAY8

  [char(")"), (m) => m.push([])], // EMPTY_TUPLE
  [char("t"), (m) => m.push(m.popGroup())], // TUPLE
  [0x85, (m) => m.push(m.popMany(1))], // TUPLE1
  [0x86, (m) => m.push(m.popMany(2))], // TUPLE2
  [0x87, (m) => m.push(m.popMany(3))], // TUPLE3
  [char("]"), (m) => m.push([])], // EMPTY_LIST
  [0x8f, (m) => m.push([])], // EMPTY_SET
  [0x90, (m) => m.append(m.popGroup())], // ADDITEMS
  [0x91, (m) => m.push(m.popGroup())], // FROZENSET
  [char("a"), (m) => m.append(m.popMany(1))], // APPEND
  [char("e"), (m) => m.append(m.popGroup())], // APPENDS
  [char("}"), (m) => m.push(new Map())], // EMPTY_DICT
  [char("s"), (m) => m.setItems(m.popMany(2))], // SETITEM
  [char("u"), (m) => m.setItems(m.popGroup())], // SETITEMS

  [char("q"), (m) => m.remember(m.input.u8())], // BINPUT
  [char("r"), (m) => m.remember(m.input.u32())], // LONG_BINPUT
  [0x94, (m) => m.remember(m.memo.size)], // MEMOIZE
  [char("h"), (m) => m.recall(m.input.u8())], // BINGET
  [char("j"), (m) => m.recall(m.input.u32())], // LONG_BINGET

  [char("c"), (m) => m.pushGlobal(m.input.line(), m.input.line())], // GLOBAL
  [0x93, (m) => m.pushGlobal(...(m.popMany(2) as [unknown, unknown]))], // STACK_GLOBAL
  [char("R"), (m) => m.call()], // REDUCE
  [0x81, (m) => m.call()], // NEWOBJ
  [char("b"), (m) => void m.pop()], // BUILD: attributes, such as a state dict's _metadata, hold no weights
  [char("Q"), (m) => m.push(m.host.persistent(m.pop()))], // BINPERSID
]);

function char(symbol: string): number {
  return symbol.charCodeAt(0);
}
