import { makeThread, type ToThread } from "../engine/worker.ts";

const take = makeThread((message, transfer) => self.postMessage(message, { transfer }));
self.addEventListener("message", ({ data }: MessageEvent<ToThread>) => take(data));
