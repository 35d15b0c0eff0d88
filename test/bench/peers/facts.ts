// What the model is, and a prompt that every engine's tokenizer cuts into the same tokens.
import { loadWkv } from "./load-wkv.ts";
import { answer, type FactsAnswer, type FactsRequest, type Prompt } from "./protocol.ts";

await answer(async ({ model: path, length }: FactsRequest): Promise<FactsAnswer> => {
  const model = await loadWkv(path, 1, "int8");
  const { version, layers, width, vocabSize } = model.info;
  return { prompt: makePrompt(model.tokenizer, length), info: { version, layers, width, vocabSize } };
});

type Tokenizer = Awaited<ReturnType<typeof loadWkv>>["tokenizer"];

/** Words with the space before them: no token of a World vocabulary reaches from one into the next. */
function makePrompt(tokenizer: Tokenizer, length: number): Prompt {
  const decoder = new TextDecoder();
  const ids = Array.from({ length: tokenizer.vocabSize }, (_, id) => id);
  const words = ids.filter((id) => /^ [a-z]+$/.test(decoder.decode(tokenizer.tokenBytes(id))));
  const chosen = Array.from({ length }, (_, i) => words[(i * 37) % words.length] ?? 0);
  const text = tokenizer.decode(chosen);
  const tokens = tokenizer.encode(text);
  if (tokens.join() !== chosen.join())
    throw new Error(
      "the model has no World vocabulary in its file: give a GGUF of RWKV-6 or 7 as llama.cpp converts it",
    );
  return { text, tokens };
}
