import { WkvError } from "./errors.ts";
import type { Shape } from "./models/recipe.ts";
import { loadTokenizer, type TokenizerSource } from "./tokenizer/load.ts";
import type { Tokenizer } from "./tokenizer/tokenizer.ts";

/** Rows that published models of each vocabulary have. */
const WORLD_ROWS = 65536;
const PILE_ROWS = 50277;
const BYTES_ROWS = 256;

/**
 * The tokenizer of a model: what the caller names, else a file beside the model, else what the number of rows tells.
 * A model can be used without one, by token ids: when none was asked for and none is found, the error is returned, for
 * whoever needs it.
 * @throws WkvError when the caller's own choice cannot be had or does not fit
 */
export async function chooseTokenizer(
  vocab: TokenizerSource | undefined,
  modelPath: string | undefined,
  shape: Shape,
  signal: AbortSignal | undefined,
): Promise<Tokenizer | WkvError> {
  if (vocab !== undefined) return load(vocab, shape, signal);
  try {
    const beside = modelPath && (await (await import("./tokenizer/beside.ts")).findVocabBeside(modelPath));
    const source = beside || byRows(shape);
    return await load(source, shape, signal);
  } catch (error) {
    if (error instanceof WkvError) return error;
    throw error;
  }
}

async function load(source: TokenizerSource, { vocabSize }: Shape, signal?: AbortSignal): Promise<Tokenizer> {
  const options = signal ? { modelVocabSize: vocabSize, signal } : { modelVocabSize: vocabSize };
  const tokenizer = await loadTokenizer(source, options);
  if (tokenizer.vocabSize > vocabSize)
    throw new WkvError(
      "bad-vocab",
      `The vocabulary has ${tokenizer.vocabSize} ids, but the model only ${vocabSize} rows: it is another model's; ` +
        "give the right one (--vocab, or the option vocab).",
    );
  return tokenizer;
}

function byRows({ vocabSize }: Shape): TokenizerSource {
  if (vocabSize === WORLD_ROWS) return "world";
  if (vocabSize === PILE_ROWS) return "pile";
  if (vocabSize === BYTES_ROWS) return "bytes";
  throw new WkvError(
    "bad-vocab",
    `The model has ${vocabSize} rows, which tells no known vocabulary: give one (--vocab FILE, or the option vocab).`,
  );
}
