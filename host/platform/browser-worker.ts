import type { ToThread } from "../engine/protocol.ts";
import { makeThread } from "../engine/worker.ts";

const take = makeThread((message, transfer) => self.postMessage(message, { transfer }));
self.addEventListener("message", ({ data }: MessageEvent<ToThread>) => take(data));
