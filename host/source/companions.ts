// The published names of models and of the files that belong to them. Folders and hf: repositories both use these
// lists, so they load the same files.

/** Limit for vocabularies next to a model: the largest has 20 MB. */
export const MAX_VOCABULARY_BYTES = 64 << 20;
/** Limit for configurations and templates: a tokenizer_config.json that repeats its vocabulary has a few MB. */
export const MAX_CONFIG_BYTES = 16 << 20;

export const CONFIG_FILE = "config.json";
/** Settings of a LoRA in PEFT's format. */
export const ADAPTER_CONFIG_FILE = "adapter_config.json";
/** Chat templates, in order of preference. */
export const TEMPLATE_FILES = ["chat_template.jinja", "chat_template.json", "tokenizer_config.json"] as const;

/**
 * Hugging Face's names of a repository's model, in order of preference: its programs too prefer the single file to the
 * index.
 */
const MODEL_FILES = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
];

const MODEL = /\.(safetensors|st|gguf|pth|pt|bin)$/i;
const PART = /-\d{5}-of-\d{5}\.(safetensors|bin|gguf)$/i;
/** The file that represents a model in several files. */
const FIRST = /(\.(safetensors|bin)\.index\.json|-0*1-of-\d{5}\.gguf)$/i;
/** Files of training runs that are not models. */
const OTHER = /(^|\/)(training_args|optimizer|scheduler|scaler|rng_state\w*|tokenizer)\.[^/]*$/;

/** Whether a file name looks like a model's. */
export function isModelName(path: string): boolean {
  return MODEL.test(path);
}

/** A model, or the candidates when there is none or more than one. */
export type ModelChoice = { model: string } | { model: undefined; candidates: string[] };

/**
 * Chooses the model among the files of a folder or repository: a published name, else the only model, else, if all are
 * GGUF, the only Q8_0.
 * @param paths relative to the folder
 */
export function chooseModel(paths: readonly string[]): ModelChoice {
  const published = MODEL_FILES.find((name) => paths.includes(name));
  if (published) return { model: published };
  const candidates = paths.filter(isCandidate).sort();
  if (candidates.length === 1) return { model: candidates[0] as string };
  const eight = candidates.filter((path) => /q8_0/i.test(path));
  if (candidates.every((path) => /\.gguf$/i.test(path)) && eight.length === 1) return { model: eight[0] as string };
  return { model: undefined, candidates };
}

/** Chooses the GGUF file whose name has a quantisation, such as "Q4_K_M". */
export function chooseQuantised(paths: readonly string[], quantisation: string): ModelChoice {
  const named = new RegExp(`(^|[^a-z0-9])${quantisation}([^a-z0-9_]|$)`, "i");
  const candidates = paths.filter((path) => isCandidate(path) && /\.gguf$/i.test(path) && named.test(path)).sort();
  const [model] = candidates;
  return candidates.length === 1 ? { model: model as string } : { model: undefined, candidates };
}

function isCandidate(path: string): boolean {
  return FIRST.test(path) || (MODEL.test(path) && !PART.test(path) && !OTHER.test(path));
}

/** The other files of a split model, given its index or one of its parts. */
export function partsOf(model: string, paths: readonly string[]): string[] {
  const [, stem, extension] = /^(.*?)(?:-\d{5}-of-\d{5})?\.(safetensors|bin|gguf)(?:\.index\.json)?$/.exec(model) ?? [];
  const isSet = /\.index\.json$/.test(model) || PART.test(model);
  if (!isSet || stem === undefined) return [];
  return paths.filter(
    (path) => path !== model && path.startsWith(`${stem}-`) && path.endsWith(`.${extension}`) && PART.test(path),
  );
}

/**
 * Names of vocabularies next to a model, in order of preference. Formats are detected from the content, so `vocab.txt`
 * may be a World vocabulary as well as symbols.
 *
 * 1. `MODEL.vocab.txt` for `MODEL.pth` and the like: made for this model
 * 2. `vocab.txt`: made for the models of this folder
 * 3. `rwkv_vocab_v20230424.txt`, `rwkv_vocab_v20230424.json`: World as published
 * 4. `tokenizer.json`, `20B_tokenizer.json`: Hugging Face's format, as published
 *
 * @param model path, address or name of the model file
 */
export function vocabularyFiles(model: string): string[] {
  const name = model.replace(/^.*[/\\]/, "");
  return [
    `${name.replace(/(?<=.)\.[^.]*$/, "")}.vocab.txt`,
    "vocab.txt",
    "rwkv_vocab_v20230424.txt",
    "rwkv_vocab_v20230424.json",
    "tokenizer.json",
    "20B_tokenizer.json",
  ];
}

/** The files to fetch with a model if they are next to it, and the size limit of each in bytes. */
export function companionFiles(model: string): { name: string; maxBytes: number }[] {
  const configs = [CONFIG_FILE, ADAPTER_CONFIG_FILE, ...TEMPLATE_FILES];
  return [
    ...vocabularyFiles(model).map((name) => ({ name, maxBytes: MAX_VOCABULARY_BYTES })),
    ...configs.map((name) => ({ name, maxBytes: MAX_CONFIG_BYTES })),
  ];
}
