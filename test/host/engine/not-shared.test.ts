/** Runtimes whose threads do not share what they say they share: the model runs on one thread, and says why. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { Worker } from "node:worker_threads";
import { CONTROL_HANDSHAKE } from "../../../assembly/abi.ts";
import type { Start, ToThread } from "../../../host/engine/protocol.ts";
import { load, randomTokens, SMALL, SMALL_IDS } from "../../support/models.ts";

const TOKENS = randomTokens(200, SMALL_IDS);
const { postMessage } = Worker.prototype;
afterEach(() => {
  Worker.prototype.postMessage = postMessage;
});

/** Lets `change` do what a runtime does with the start of every thread but the first. */
function inRuntimeThat(change: (start: Start, memory: WebAssembly.Memory) => Start): void {
  Worker.prototype.postMessage = function (message: ToThread, transfer) {
    const others = "start" in message && message.start > 0 && message.memory instanceof WebAssembly.Memory;
    const changed = others ? change(message, message.memory as WebAssembly.Memory) : message;
    postMessage.call(this, changed, transfer);
  };
}

async function assertAlone(): Promise<void> {
  const [alone, fallen] = [await load(SMALL, { threads: 1 }), await load(SMALL, { threads: 3 })];
  assert.equal(alone.info.singleThreadReason, undefined);
  assert.equal(fallen.info.threads, 1);
  assert.match(fallen.info.singleThreadReason ?? "", /do not see each other's writes .* newer version/);
  const [expected, session] = [await alone.createSession().feed(TOKENS), fallen.createSession()];
  assert.deepEqual(await session.feed(TOKENS), expected);
  // Its memory is the thread's own now: what a session does goes there by messages.
  const [saved, fork] = [await session.save(), session.fork()];
  for (const other of [fork, fallen.createSession(saved)])
    assert.deepEqual(await other.feed(7), await session.fork().feed(7));
  await Promise.all([alone.dispose(), fallen.dispose()]);
}

function ownMemory({ buffer }: WebAssembly.Memory): WebAssembly.Memory {
  const memory = new WebAssembly.Memory({ initial: buffer.byteLength / 65536, maximum: 65536, shared: true });
  new Uint8Array(memory.buffer).set(new Uint8Array(buffer));
  return memory;
}

test("a runtime that gives every thread a memory of its own", async () => {
  inRuntimeThat((start, shared) => ({ ...start, memory: ownMemory(shared) }));
  await assertAlone();
});

test("a runtime that publishes atomic stores and no others", async () => {
  // The others see that a thread has arrived, and nothing of what it has written.
  inRuntimeThat((start, shared) => {
    Atomics.add(new Int32Array(shared.buffer), CONTROL_HANDSHAKE / 4, 1);
    Atomics.notify(new Int32Array(shared.buffer), CONTROL_HANDSHAKE / 4);
    return { ...start, memory: ownMemory(shared) };
  });
  await assertAlone();
});
