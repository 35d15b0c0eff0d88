// deno run --allow-net --allow-read --allow-env --allow-sys deno.ts, then point a client of OpenAI's API to http://localhost:8000/v1
import { loadModel } from "wkv";
import { createServer } from "wkv/server";

const model = await loadModel(new URL(import.meta.resolve("wkv/models/box/box.gguf")));
const server = createServer(model);

Deno.serve({ port: Number(Deno.env.get("PORT") ?? 8000), hostname: "127.0.0.1" }, server.fetch);
