import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { WkvError } from "../errors.ts";
import type { Shape } from "../models/version.ts";
import { MAX_VOCABULARY_BYTES, vocabularyFiles } from "../source/companions.ts";
import { readBeside, type Source } from "../source/source.ts";
import { hasWorldVocabulary, parseEmbedded } from "../tokenizer/embedded.ts";
import { loadTokenizer, readVocabulary, type TokenizerSource } from "../tokenizer/load.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { worldJson } from "../tokenizer/world.ts";

/**
 * Embedding rows of published models. Those of the Pile vocabulary have one per id, or are padded to a multiple of 64.
 */
const KNOWN_ROWS: ReadonlyMap<number, NamedVocabulary> = new Map([
  [65536, "world"],
  [50277, "pile"],
  [50304, "pile"],
  [256, "bytes"],
]);

type NamedVocabulary = "world" | "pile" | "bytes";

/** A vocabulary stored in a converted file. */
export interface CarriedVocabulary {
  readonly kind: string;
  /** A vocabulary file; empty for "bytes". */
  readonly contents: Uint8Array;
  readonly tokenizer: Tokenizer;
}

/** The facts about a model that determine its vocabulary. */
export interface VocabModel {
  readonly file: Source;
  readonly checkpoint: Checkpoint;
  readonly shape: Shape;
}

/**
 * The tokenizer of a model: the caller's choice, else the vocabulary in the model, else a file next to it, else
 * inferred from the number of rows. A model can be used without one, by token ids: if none was requested and none is
 * found, the error is returned, to be thrown when a tokenizer is needed.
 * @throws WkvError if the caller's choice is unavailable or does not fit
 */
export async function chooseTokenizer(
  vocab: TokenizerSource | null | undefined,
  { file, checkpoint, shape }: VocabModel,
  signal?: AbortSignal,
): Promise<Tokenizer | WkvError> {
  if (vocab === null)
    return new WkvError("bad-vocab", "The model was loaded without a vocabulary: load it with one to use text.");
  if (vocab !== undefined) return loadFitting(vocab, shape, signal);
  try {
    return (
      (await embeddedTokenizer(checkpoint, shape)) ??
      (await loadFitting(await findVocabulary(file, shape), shape, signal))
    );
  } catch (error) {
    if (error instanceof WkvError) return error;
    throw error;
  }
}

/**
 * The tokenizer from the vocabulary in a model's file, as in GGUF files and those of `wkv convert`; undefined if there
 * is none.
 * @throws WkvError `bad-vocab` if it is damaged or has more ids than the model
 */
export async function embeddedTokenizer(checkpoint: Checkpoint, shape: Shape): Promise<Tokenizer | undefined> {
  const { metadata, vocabulary } = checkpoint;
  if (vocabulary) return loadFitting(await vocabulary(), shape);
  if (!metadata || !hasWorldVocabulary(metadata)) return undefined;
  const tokenizer = await parseEmbedded(metadata, "the vocabulary in the model's file");
  tokenizer.table.padTo(shape.vocabSize);
  return tokenizer;
}

/**
 * The vocabulary for a self-contained file, chosen as by `chooseTokenizer`; undefined for null.
 * @throws WkvError if there is none or it does not fit
 */
export async function carriedVocabulary(
  vocab: TokenizerSource | null | undefined,
  { file, checkpoint, shape }: VocabModel,
  signal?: AbortSignal,
): Promise<CarriedVocabulary | undefined> {
  if (vocab === null) return undefined;
  const source = vocab ?? (await carriedInside(checkpoint, shape)) ?? (await findVocabulary(file, shape));
  const contents = source === "bytes" ? new Uint8Array(0) : await readVocabulary(source, signal ? { signal } : {});
  const tokenizer = await loadFitting(source === "bytes" ? source : contents, shape);
  return { kind: tokenizer.kind, contents, tokenizer };
}

/** The vocabulary in the model's file, as a vocabulary file. */
async function carriedInside(checkpoint: Checkpoint, shape: Shape): Promise<Uint8Array | "bytes" | undefined> {
  if (checkpoint.vocabulary) return checkpoint.vocabulary();
  const embedded = await embeddedTokenizer(checkpoint, shape);
  return embedded && worldJson(embedded);
}

/**
 * The vocabulary next to a model, else the name of the one implied by the number of rows.
 * @throws WkvError `bad-vocab` if no known vocabulary has this number of rows
 */
export async function findVocabulary(model: Source, shape: Shape): Promise<File | NamedVocabulary> {
  for (const name of vocabularyFiles(model.name)) {
    const contents = await readBeside(model, name, MAX_VOCABULARY_BYTES);
    if (contents) return new File([contents as Uint8Array<ArrayBuffer>], name);
  }
  return byRows(shape);
}

/** @throws WkvError `bad-vocab` if the vocabulary has more ids than the model */
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
      `The vocabulary has ${tokenizer.vocabSize} ids, but the model has only ${vocabSize} rows: it belongs to another model; ` +
        "give the right one (--vocab, or the option vocab).",
    );
  return tokenizer;
}

function byRows({ vocabSize }: Shape): NamedVocabulary {
  const known = KNOWN_ROWS.get(vocabSize);
  if (known) return known;
  throw new WkvError(
    "bad-vocab",
    `Cannot infer the vocabulary: ${vocabSize} embedding rows match no known one. Give it with --vocab FILE, or the option vocab.`,
  );
}
