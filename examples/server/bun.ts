// bun bun.ts, then point a client of OpenAI's API to http://localhost:8000/v1
import { loadModel } from "wkv";
import { createServer } from "wkv/server";

const model = await loadModel(new URL(import.meta.resolve("wkv/models/box/box.gguf")));
const server = createServer(model);

Bun.serve({ port: Number(process.env.PORT ?? 8000), hostname: "127.0.0.1", fetch: server.fetch });
