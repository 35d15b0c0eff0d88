/** What an isolate of workerd takes, as its inspector and its WebAssembly memories say. */
import { WebSocket } from "undici";
import { retry } from "./place.ts";

/** Bytes: V8's heap with what it has committed, what embedders and array buffers have, garbage included. */
export interface HeapUsage {
  readonly totalSize: number;
  readonly embedderHeapUsedSize: number;
  readonly backingStorageSize: number;
}

/** The inspector of the only Worker under `wrangler dev`. */
export async function inspect(port: number): Promise<{ heap(): Promise<HeapUsage>; close(): void }> {
  const socket = await retry(() => connect(port));
  const waiting = new Map<number, (usage: HeapUsage) => void>();
  let asked = 0;
  socket.addEventListener("message", ({ data }) => {
    const { id, result } = JSON.parse(String(data));
    waiting.get(id)?.(result);
    waiting.delete(id);
  });
  return {
    heap: () =>
      new Promise((resolve) => {
        waiting.set(++asked, resolve);
        socket.send(JSON.stringify({ id: asked, method: "Runtime.getHeapUsage" }));
      }),
    close: () => socket.close(),
  };
}

function connect(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { headers: { origin: "http://localhost" } });
  return new Promise((resolve, reject) => {
    socket.addEventListener("open", () => resolve(socket));
    socket.addEventListener("error", () => reject(new Error("the inspector does not answer")));
  });
}
