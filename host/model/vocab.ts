import { files } from "#files";
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import type { CarriedVocabulary } from "../convert/packed-writer.ts";
import { WkvError } from "../errors.ts";
import type { Shape } from "../models/version.ts";
import { hasWorldVocabulary, parseEmbedded } from "../tokenizer/embedded.ts";
import { loadTokenizer, readVocabulary, type TokenizerSource } from "../tokenizer/load.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { worldJson } from "../tokenizer/world.ts";

/** Rows that published models of each vocabulary have. */
const WORLD_ROWS = 65536;
const PILE_ROWS = 50277;
const BYTES_ROWS = 256;

/** A model as the choice of its vocabulary needs it. */
export interface VocabModel {
  /** Undefined when it is no file. */
  readonly path: string | undefined;
  readonly checkpoint: Checkpoint;
  readonly shape: Shape;
}

/**
 * The tokenizer of a model: what the caller names, else the vocabulary in the model, else a file beside it, else what
 * the number of rows tells.
 * A model can be used without one, by token ids: when none was asked for and none is found, the error is returned, for
 * whoever needs it.
 * @throws WkvError when the caller's own choice cannot be had or does not fit
 */
export async function chooseTokenizer(
  vocab: TokenizerSource | null | undefined,
  { path, checkpoint, shape }: VocabModel,
  signal?: AbortSignal,
): Promise<Tokenizer | WkvError> {
  if (vocab === null)
    return new WkvError("bad-vocab", "The model was loaded without a vocabulary: load it with one to use text.");
  if (vocab !== undefined) return loadFitting(vocab, shape, signal);
  try {
    return (
      (await embeddedTokenizer(checkpoint, shape)) ?? (await loadFitting(await vocabSource(path, shape), shape, signal))
    );
  } catch (error) {
    if (error instanceof WkvError) return error;
    throw error;
  }
}

/**
 * The tokenizer of the vocabulary that is in a model's file, as GGUF files and those of `wkv convert` have one; undefined
 * when there is none.
 * @throws WkvError `bad-vocab` when it is damaged or has more ids than the model
 */
export async function embeddedTokenizer(checkpoint: Checkpoint, shape: Shape): Promise<Tokenizer | undefined> {
  const { metadata, vocabulary } = checkpoint;
  if (vocabulary) return loadFitting(await vocabulary(), shape);
  if (!metadata || !hasWorldVocabulary(metadata)) return undefined;
  const tokenizer = parseEmbedded(metadata, "the vocabulary in the model's file");
  tokenizer.table.padTo(shape.vocabSize);
  return tokenizer;
}

/**
 * The vocabulary for a file that shall be enough by itself, chosen as `chooseTokenizer` does; undefined for null.
 * @throws WkvError when there is none or it does not fit
 */
export async function carriedVocabulary(
  vocab: TokenizerSource | null | undefined,
  { path, checkpoint, shape }: VocabModel,
  signal?: AbortSignal,
): Promise<CarriedVocabulary | undefined> {
  if (vocab === null) return undefined;
  const source = vocab ?? (await carriedInside(checkpoint, shape)) ?? (await vocabSource(path, shape));
  if (source === "bytes") return { kind: "bytes", contents: new Uint8Array(0) };
  const contents = await readVocabulary(source, signal ? { signal } : {});
  const { kind } = await loadFitting(contents, shape);
  return { kind, contents };
}

/** What the model's own file has, as a vocabulary file. */
async function carriedInside(checkpoint: Checkpoint, shape: Shape): Promise<Uint8Array | "bytes" | undefined> {
  if (checkpoint.vocabulary) return checkpoint.vocabulary();
  const embedded = await embeddedTokenizer(checkpoint, shape);
  return embedded && worldJson(embedded);
}

/**
 * Where the vocabulary of a model is when nobody says: the path of a file beside it, else the name that its size tells.
 * @throws WkvError `bad-vocab` when nothing tells it
 */
export async function vocabSource(modelPath: string | undefined, shape: Shape): Promise<string> {
  const beside = modelPath && (await files?.findVocabBeside(modelPath));
  return beside || byRows(shape);
}

/** @throws WkvError `bad-vocab` when the vocabulary has more ids than the model */
export async function loadFitting(
  source: TokenizerSource,
  { vocabSize }: Shape,
  signal?: AbortSignal,
): Promise<Tokenizer> {
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

function byRows({ vocabSize }: Shape): string {
  if (vocabSize === WORLD_ROWS) return "world";
  if (vocabSize === PILE_ROWS) return "pile";
  if (vocabSize === BYTES_ROWS) return "bytes";
  throw new WkvError(
    "bad-vocab",
    `The model has ${vocabSize} rows, which tells no known vocabulary: give one (--vocab FILE, or the option vocab).`,
  );
}
