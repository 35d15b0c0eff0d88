import { parentPort } from "node:worker_threads";
import { makeThread } from "../engine/worker.ts";

if (parentPort) {
  const port = parentPort;
  port.on(
    "message",
    makeThread((message, transfer) => port.postMessage(message, transfer)),
  );
}
