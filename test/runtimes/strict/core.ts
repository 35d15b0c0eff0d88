// Compiles against the package with the language's own library only: no DOM, no Node types, no esnext.disposable.
import {
  convertModel,
  type FeedOptions,
  type LoadOptions,
  loadModel,
  type Mark,
  type Model,
  type Piece,
  PRESETS,
  type Session,
  type Simd,
  type WeightFormat,
  WkvError,
} from "wkv";
import {
  type Answer,
  chat,
  createChat,
  loadChat,
  type SpeakerFormat,
  speakerTemplate,
  type Tool,
  templates,
} from "wkv/chat";
import { type Constraint, createConstraint } from "wkv/constraint";
import { type BenchmarkResult, benchmark, perplexity, zeroShare } from "wkv/measure";
import { createSampler, logProbability, type Sampler } from "wkv/sampler";
import { createServer, type Server } from "wkv/server";
import { loadTokenizer, type Tokenizer } from "wkv/tokenizer";

const weights: WeightFormat = "int8";
const simd: Simd = "plain";
const options: LoadOptions = { weights, simd, threads: 2, onProgress: ({ loaded, total }) => loaded / total };

export async function continueText(): Promise<string> {
  await using model: Model = await loadModel("model.pth", options);
  using session: Session = model.createSession();
  let text = "";
  for await (const piece of session.generate("Once", { ...PRESETS.chat, maxTokens: 3, constraint: { regex: "a+" } }))
    text += textOf(piece);
  return text;
}

function textOf({ text }: Piece): string {
  return text;
}

export async function useSession(model: Model): Promise<Float32Array> {
  const session = model.createSession(await model.createSession().save());
  const mark: Mark = await session.mark();
  session.rewind(mark);
  for await (const { hidden } of session.inspect([1, 2], { lens: true })) if (hidden.length === 0) break;
  const feed: FeedOptions = { into: new Float32Array(model.info.vocabSize) };
  return session.fork().feed([1, 2], feed);
}

const FORMAT: SpeakerFormat = { name: "qa", system: "System", user: "User", assistant: "A", stops: [], thinks: false };

export async function converse(model: Model, tool: Tool): Promise<string> {
  const talk = await createChat(model, { system: "Be brief.", template: templates.g1, maxTokens: 5 });
  const { message } = await talk.send("Hello").result();
  const again = await loadChat(model, await talk.save());
  const answer: Answer = chat(model, again.messages, {
    tools: [tool],
    template: speakerTemplate({ ...FORMAT, user: "Q" }),
  });
  for await (const { text, stop } of answer) if (stop) return text;
  return message.content ?? "";
}

export async function draw(model: Model, logits: Float32Array): Promise<number> {
  const sampler: Sampler = createSampler({ temperature: 0.7, seed: 1 });
  const tokenizer: Tokenizer = await loadTokenizer(new Uint8Array(3));
  const constraint: Constraint = createConstraint(model.tokenizer, { choices: ["yes", "no"] });
  constraint.mask(logits);
  return logProbability(logits, sampler(logits)) + tokenizer.encode("Hello").length;
}

export async function measure(model: Model): Promise<number> {
  const { decode }: BenchmarkResult = await benchmark(model, { rounds: 1 });
  const { bitsPerByte } = await perplexity(model, "a text");
  return decode.median + bitsPerByte + (await zeroShare(model, [1]));
}

export function serve(model: Model): Server {
  return createServer({ one: model }, { apiKeys: ["key"], maxTokens: 100 });
}

export async function convert(target: string): Promise<number> {
  try {
    return (await convertModel(new ArrayBuffer(8), target, { weights: "f16" })).bytes;
  } catch (error) {
    if (error instanceof WkvError && error.code === "no-space") return 0;
    throw error;
  }
}

// @ts-expect-error: temperatures are numbers
createSampler({ temperature: "hot" });
// @ts-expect-error: what is behind a model is not public
export const hidden = (model: Model) => model.runner;
