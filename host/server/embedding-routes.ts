import * as v from "valibot";
import { embed } from "../model/embed.ts";
import type { Model } from "../model/model.ts";
import { readBody } from "./body.ts";
import { type App, during, type RequestContext, type ServerContext, startWork } from "./context.ts";
import { badField } from "./errors.ts";

const MAX_TEXTS = 2048;
const texts = v.pipe(v.array(v.string()), v.minLength(1, "at least one text"), v.maxLength(MAX_TEXTS, "at most 2048"));
const id = v.pipe(v.number(), v.integer("whole numbers"), v.minValue(0, "ids from 0 on"));
const ids = v.pipe(v.array(id), v.minLength(1, "at least one token"));

const embeddingSchema = v.object({
  input: v.union([
    v.string(),
    texts,
    ids,
    v.pipe(v.array(ids), v.minLength(1, "at least one text"), v.maxLength(MAX_TEXTS, "at most 2048")),
  ]),
  model: v.optional(v.string()),
  encoding_format: v.optional(v.picklist(["float", "base64"])),
});

type EmbeddingRequest = v.InferOutput<typeof embeddingSchema>;

export function addEmbeddingRoutes(app: App, context: ServerContext): void {
  for (const path of ["/v1/embeddings", "/embeddings"])
    app.post(path, async (call) => answer(context, call, await readBody(call.req.raw, embeddingSchema)));
}

async function answer(context: ServerContext, call: RequestContext, request: EmbeddingRequest): Promise<Response> {
  const { name, model } = context.models.get(request.model);
  const inputs = tokensOf(request, model);
  const work = startWork(context, call);
  return during(work, async () => {
    await work.enter(context.queue, call.var.client, 1);
    const data = [];
    for (const [index, tokens] of inputs.entries()) {
      const vector = await embed(model, tokens, work.signal);
      const embedding = request.encoding_format === "base64" ? base64(vector) : [...vector];
      data.push({ object: "embedding", index, embedding });
    }
    const prompt_tokens = inputs.reduce((sum, tokens) => sum + tokens.length, 0);
    const usage = { prompt_tokens, total_tokens: prompt_tokens };
    return call.json({ object: "list", model: name, data, usage });
  });
}

function tokensOf({ input }: EmbeddingRequest, model: Model): number[][] {
  const list = typeof input === "string" || typeof input[0] === "number" ? [input] : input;
  const { vocabSize } = model.info;
  return (list as (string | number[])[]).map((each) => {
    const tokens = typeof each === "string" ? model.tokenizer.encode(each) : each;
    if (tokens.some((token) => token >= vocabSize))
      throw badField("input", `"input" expected ids from 0 to ${vocabSize - 1}.`);
    return tokens;
  });
}

/** Little-endian f32: the byte order of every machine with WebAssembly SIMD. */
function base64(vector: Float32Array): string {
  const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
