// Compiles against the package in a program for browsers, Deno or Workers, whose classes the declarations then use.
import { convertModel, loadModel } from "wkv";
import { wkv } from "wkv/ai-sdk";
import { ChatWkv } from "wkv/langchain";
import { createServer } from "wkv/server";

export async function fromFile(file: File, signal: AbortSignal, to: WritableStream<Uint8Array>): Promise<Response> {
  await convertModel(new URL("https://host/model.pth"), to);
  const model = await loadModel(file, { signal });
  const { fetch } = createServer(model);
  const { doGenerate } = wkv(model, { template: "g1" });
  await doGenerate({ prompt: [{ role: "user", content: [{ type: "text", text: "Hello" }] }] });
  const { text } = await new ChatWkv({ model, temperature: 0.7 }).invoke("Hello");
  return fetch(new Request("https://host/v1/completions", { method: "POST", body: JSON.stringify({ prompt: text }) }));
}

// @ts-expect-error: the stream takes bytes
export const wrong = (to: WritableStream<string>) => convertModel("model.pth", to);
