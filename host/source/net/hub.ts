// The hub's documented addresses, nothing more: one that lists a revision with sizes and checksums, one that gives a
// file. (@huggingface/hub, 2.17, neither resumes nor checks what it fetches, and brings megabytes of task descriptions.)
import { WkvError } from "../../errors.ts";
import { vocabularyNames } from "../../tokenizer/names.ts";
import { type HubAddress, isSafePath } from "./address.ts";
import type { RemoteFile } from "./download.ts";
import { requestJson } from "./request.ts";

export interface HubOptions {
  /** Default: HF_ENDPOINT, else https://huggingface.co. */
  endpoint?: string | undefined;
  /** For repositories that are not public. Default: HF_TOKEN. */
  token?: string | undefined;
}

/** What is fetched for an address: the model, its parts if it is in several, and the vocabulary beside it. */
export interface Wanted {
  /** The path of the file to open. */
  readonly main: string;
  readonly files: readonly RemoteFile[];
}

const MAX_COMPANION_BYTES = 32e6;

const MODEL = /\.(safetensors|st|gguf|pth|pt|bin)$/i;
const PART = /-\d{5}-of-\d{5}\.(safetensors|bin|gguf)$/i;
/** What stands for all parts of a model in several files. */
const FIRST = /(\.(safetensors|bin)\.index\.json|-00001-of-\d{5}\.gguf)$/i;
/** What a repository's one model is called, the best first. */
const USUAL = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
];

export function hubEndpoint({ endpoint }: HubOptions): string {
  return (endpoint ?? globalThis.process?.env.HF_ENDPOINT ?? "https://huggingface.co").replace(/\/+$/, "");
}

/** @throws WkvError `not-found` when there is no such repository, file, or no single model to choose */
export async function askHub(address: HubAddress, options: HubOptions, signal?: AbortSignal): Promise<Wanted> {
  const endpoint = hubEndpoint(options);
  const token = options.token ?? globalThis.process?.env.HF_TOKEN;
  const { repo, revision } = address;
  const listing = new URL(`${endpoint}/api/models/${repo}/revision/${encodeURIComponent(revision)}?blobs=true`);
  const { commit, files } = parseListing(await requestJson(listing, { token, signal }), listing);
  const main = address.file ?? chooseModel(files, repo);
  if (!files.has(main)) throw new WkvError("not-found", `hf:${repo} has no file ${main}. It has: ${listed(files)}.`);
  const paths = [main, ...partsOf(main, files), ...companionsOf(main, files)];
  return {
    main,
    files: paths.map((path) => ({
      path,
      url: new URL(`${endpoint}/${repo}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`),
      token,
      ...(files.get(path) as Listed),
    })),
  };
}

interface Listed {
  readonly size: number;
  /** Of files that are kept apart from git, which all large ones are. */
  readonly sha256: string | undefined;
}

function parseListing(json: unknown, url: URL): { commit: string; files: Map<string, Listed> } {
  const { sha, siblings } = (json ?? {}) as { sha?: unknown; siblings?: unknown };
  if (typeof sha !== "string" || !/^[0-9a-f]{6,64}$/.test(sha) || !Array.isArray(siblings))
    throw new WkvError("network", `${url.href} does not answer as the hub does: check the endpoint.`);
  const files = new Map<string, Listed>();
  for (const { rfilename, size, lfs } of siblings) {
    const sha256 = /^[0-9a-f]{64}$/.test(lfs?.sha256) ? lfs.sha256 : undefined;
    // A name that could lead out of the cache's folder is none that a model has.
    if (typeof rfilename === "string" && isSafePath(rfilename) && Number.isSafeInteger(size) && size >= 0)
      files.set(rfilename, { size, sha256 });
  }
  return { commit: sha, files };
}

/**
 * The file of a repository that is meant when none is named: its only model; else, at the top, what Hugging Face's
 * programs call a model; else, of GGUF alone, the only Q8_0.
 */
function chooseModel(files: ReadonlyMap<string, Listed>, repo: string): string {
  const models = [...files.keys()].filter((path) => FIRST.test(path) || (MODEL.test(path) && !PART.test(path)));
  if (models.length === 1) return models[0] as string;
  const usual = USUAL.find((name) => files.has(name));
  if (usual) return usual;
  const eight = models.filter((path) => /q8_0/i.test(path));
  if (models.every((path) => /\.gguf$/i.test(path)) && eight.length === 1) return eight[0] as string;
  const choice = models.length > 0 ? `holds several models; name one, as in hf:${repo}/${models[0]}` : "holds no model";
  throw new WkvError("not-found", `hf:${repo} ${choice}. It has: ${listed(files)}.`);
}

/** The files that belong to an index or to the first of several. */
function partsOf(main: string, files: ReadonlyMap<string, Listed>): string[] {
  const [, stem, extension] = /^(.*?)(?:-\d{5}-of-\d{5})?\.(safetensors|bin|gguf)(?:\.index\.json)?$/.exec(main) ?? [];
  const isSet = /\.index\.json$/.test(main) || PART.test(main);
  if (!isSet || stem === undefined) return [];
  return [...files.keys()].filter(
    (path) => path !== main && path.startsWith(`${stem}-`) && path.endsWith(`.${extension}`) && PART.test(path),
  );
}

/** What is fetched with a model from its folder, when it is there: how HF models are described, and vocabularies. */
function companionsOf(main: string, files: ReadonlyMap<string, Listed>): string[] {
  const folder = main.slice(0, main.lastIndexOf("/") + 1);
  const names = [...vocabularyNames(main), "config.json"].map((name) => folder + name);
  return names.filter((path) => path !== main && (files.get(path)?.size ?? Infinity) <= MAX_COMPANION_BYTES);
}

/** Models first, with their sizes. */
function listed(files: ReadonlyMap<string, Listed>): string {
  const isModel = (path: string) => Number(MODEL.test(path));
  const paths = [...files.keys()].sort((a, b) => isModel(b) - isModel(a)).slice(0, 20);
  return paths.map((path) => `${path} (${((files.get(path)?.size ?? 0) / 1e6).toFixed(1)} MB)`).join(", ") || "nothing";
}
