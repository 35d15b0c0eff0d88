// wrangler dev, then point a client of OpenAI's API to http://localhost:8787/v1. Named states are kept in Workers KV.
import { createStorage } from "unstorage";
import kvDriver from "unstorage/drivers/cloudflare-kv-binding";
import { loadModel } from "wkv";
import { createServer } from "wkv/server";

/** Made by the first request, kept for those that come later. */
let server;

/** States as bytes: unstorage's driver writes text, and its base64 fails for more than some 100 KB. */
function statesIn(kv) {
  return {
    ...kvDriver({ binding: kv }),
    getItemRaw: (key) => kv.get(key, "arrayBuffer"),
    setItemRaw: (key, bytes) => kv.put(key, bytes),
  };
}

async function start({ ASSETS, STATES }) {
  const file = await ASSETS.fetch("https://assets/box.gguf");
  const storage = createStorage({ driver: statesIn(STATES) });
  return createServer(await loadModel(await file.arrayBuffer()), { storage, parallel: 4 });
}

export default {
  async fetch(request, env) {
    server ??= start(env);
    return (await server).fetch(request);
  },
};
