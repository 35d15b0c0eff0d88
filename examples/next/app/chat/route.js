import { loadModel } from "wkv";
import { chat } from "wkv/chat";

let model; // loaded at the first request: a build imports this file as well

/** A client that leaves ends its answer. */
export async function POST(request) {
  const { messages } = await request.json();
  model ??= loadModel("box");
  const answer = chat(await model, messages, { maxTokens: 100, temperature: 0 }).toTextStream();
  return new Response(answer, { headers: { "content-type": "text/plain; charset=utf-8" } });
}
