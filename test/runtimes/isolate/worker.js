// The example, with its WebAssembly memories noted. PUT: takes the model from an address; GET: bytes of the memories.
const memories = [];
const { Memory } = WebAssembly;
WebAssembly.Memory = class extends Memory {
  constructor(limits) {
    super(limits);
    memories.push(new WeakRef(this));
  }
};
const { default: example } = await import("./example.js");

export default {
  async fetch(request, env) {
    if (request.method === "POST") return example.fetch(request, env);
    if (request.method === "PUT") {
      const { body } = await fetch(await request.text());
      return Response.json((await env.MODELS.put("model.gguf", body)).size);
    }
    return Response.json(memories.reduce((sum, memory) => sum + (memory.deref()?.buffer.byteLength ?? 0), 0));
  },
};
