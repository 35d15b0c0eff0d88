// A thread of the engine. Thread 0 takes commands from messages; the others sleep and work inside the module.
import { CONTROL, CONTROL_REQUEST } from "../assembly/abi.ts";
import type { FromThread, ToThread } from "./engine.ts";

interface Exports {
  firstFree(): number;
  start(): void;
  run(): void;
  serve(thread: number): void;
}

/** Answers the engine's messages; `post` sends back. */
export function makeThread(post: (message: FromThread) => void): (message: ToThread) => void {
  let exports: Exports;
  let memory: WebAssembly.Memory;

  const start = (thread: number, module: WebAssembly.Module) => {
    exports = new WebAssembly.Instance(module, { env: { memory, now: () => performance.now() } })
      .exports as unknown as Exports;
    if (exports.firstFree() > CONTROL) throw new Error("the module's constants reach into the control area");
    if (thread > 0) return exports.serve(thread);
    exports.start();
    post({ done: true });
  };

  return (message) => {
    try {
      if ("start" in message) {
        memory = message.memory;
        start(message.start, message.module);
      } else {
        new Int32Array(memory.buffer, CONTROL_REQUEST).set(message.run);
        exports.run();
        post({ done: true });
      }
    } catch (error) {
      post({ failed: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
    }
  };
}
