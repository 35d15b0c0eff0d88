// node --expose-gc --import tsx test/soak/serve.ts MODEL: a server whose parent asks for its memory. Prints its port.
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { loadModel } from "wkv";
import { createServer } from "wkv/server";
import { usage } from "./memory.ts";

const model = await loadModel(process.argv[2] as string, { threads: 1, prefixCache: { maxBytes: 2e7 } });
const server = createServer(model, { waiting: 200, maxTokens: 64, slowReader: 2, maxStates: 50 });
const listener = serve({ fetch: server.fetch, port: 0, hostname: "127.0.0.1" }) as Server;
await once(listener, "listening");
process.send!((listener.address() as AddressInfo).port);
process.on("message", async (wanted) => {
  if (wanted === "usage") {
    listener.closeIdleConnections();
    return void process.send!(await usage());
  }
  listener.close();
  await server.close(5);
  listener.closeAllConnections();
  await model.dispose();
  process.disconnect();
});
