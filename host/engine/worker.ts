// A thread of the engine. Thread 0 handles the host's requests in order and answers each; the others sleep and work
// inside the module.
import { COMMAND_BYTES, CONTROL, CONTROL_REQUEST, TABLE } from "../../assembly/abi.ts";
import { WkvError } from "../errors.ts";
import { cannotGrow, growMemory, makeMemory } from "./memory.ts";
import type { Answer, FromThread, OwnMemory, Start, ToThread } from "./protocol.ts";

interface Exports {
  firstFree(): number;
  start(threads: number): number;
  run(): void;
  serve(thread: number): void;
}

/** Handles the engine's messages; `post` replies. */
export function makeThread(post: (message: FromThread, transfer: ArrayBuffer[]) => void): (message: ToThread) => void {
  let exports: Exports;
  let memory: WebAssembly.Memory;

  const start = ({ start: thread, threads, module, memory: given }: Start) => {
    memory = "pages" in given ? ownMemory(given) : given;
    exports = new WebAssembly.Instance(module, { env: { memory, now: () => performance.now(), abort } })
      .exports as unknown as Exports;
    if (exports.firstFree() > CONTROL) throw new Error("the module's constants reach into the control area");
    if (thread === 0) return exports.start(threads) !== 0;
    post({ started: true }, []);
    exports.serve(thread);
  };

  /** What a failed assertion of the debug build calls; texts are AssemblyScript's: UTF-16, their bytes counted before them. */
  const abort = (message: number, file: number, line: number) => {
    const text = (at: number) => {
      const bytes = new Uint8Array(memory.buffer, at, new DataView(memory.buffer).getUint32(at - 4, true)).slice();
      return new TextDecoder("utf-16le").decode(bytes);
    };
    throw new Error(`${text(message)} (${text(file)}:${line})`);
  };

  /** @throws WkvError `too-large` for the state of a session for which the memory could not grow */
  const bytesAt = (address: number, length: number): Uint8Array => {
    if (address + length > memory.buffer.byteLength) throw cannotGrow(address + length);
    return new Uint8Array(memory.buffer, address, length);
  };

  const run = (command: readonly number[]) => {
    const words = new Int32Array(memory.buffer, CONTROL_REQUEST, COMMAND_BYTES / 4).fill(0); // or arguments of the last one stay
    words.set(command);
    exports.run();
  };

  const answer = (message: ToThread): Answer => {
    if ("start" in message) return start(message);
    if ("run" in message) {
      for (const command of message.run) run(command);
    } else if ("write" in message) {
      bytesAt(message.write, message.bytes.length).set(message.bytes);
    } else if ("read" in message) {
      return new Float32Array(bytesAt(message.read, 4 * message.length).slice().buffer);
    } else if ("copy" in message) {
      bytesAt(message.to, message.length).set(bytesAt(message.copy, message.length));
    } else {
      growMemory(memory, message.grow);
    }
  };

  return (message) => {
    try {
      const done = answer(message);
      post({ done }, done instanceof Float32Array ? [done.buffer as ArrayBuffer] : []);
    } catch (error) {
      if (error instanceof WkvError) post({ refused: error.message, code: error.code }, []);
      else post({ failed: error instanceof Error ? described(error) : String(error) }, []);
    }
  };
}

/** With the function of assembly/ in which it happened, which the debug build knows. */
function described({ name, message, stack }: Error): string {
  const [, where] = /\bat (assembly\/\S+) \(wasm/.exec(stack ?? "") ?? [];
  return `${name}: ${message}${where ? `, in ${where}` : ""}`;
}

function ownMemory({ pages, table }: OwnMemory): WebAssembly.Memory {
  const memory = makeMemory(pages);
  new Uint8Array(memory.buffer).set(table, TABLE);
  return memory;
}
