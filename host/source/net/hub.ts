// The hub's two documented endpoints: the listing of a revision with sizes and checksums, and the files.
// (@huggingface/hub 2.17 neither resumes nor verifies downloads, and brings megabytes of task descriptions.)
import { WkvError } from "../../errors.ts";
import { chooseModel, chooseQuantised, companionFiles, isModelName, partsOf } from "../companions.ts";
import { megabytes } from "../megabytes.ts";
import { type HubAddress, isSafePath, shown } from "./address.ts";
import type { RemoteFile } from "./remote-file.ts";
import { requestJson } from "./request.ts";

export interface HubOptions {
  /** Default: HF_ENDPOINT, else https://huggingface.co. */
  endpoint?: string | undefined;
  /** For private repositories. Default: HF_TOKEN. */
  token?: string | undefined;
}

export const HUB_OPTIONS = { endpoint: true, token: true } as const satisfies Record<keyof HubOptions, true>;

/** The files to fetch for an address: the model, its parts if it is split, and the files that belong to it. */
export interface FileSelection {
  /** The path of the file to open. */
  readonly main: string;
  readonly files: readonly RemoteFile[];
}

export function hubEndpoint({ endpoint }: HubOptions): string {
  const given = endpoint ?? globalThis.process?.env.HF_ENDPOINT ?? "https://huggingface.co";
  const text = String(given).replace(/\/+$/, "");
  if (/^https?:/.test(text) && URL.canParse(text)) return text;
  throw new WkvError("network", "The hub's endpoint is not an address: write it as https://HOST.");
}

/** @throws WkvError `not-found` if there is no such repository or file, or no unambiguous model */
export async function resolveHub(
  address: HubAddress,
  options: HubOptions,
  signal?: AbortSignal,
): Promise<FileSelection> {
  const endpoint = hubEndpoint(options);
  const token = options.token ?? globalThis.process?.env.HF_TOKEN;
  const { repo, revision } = address;
  const url = new URL(`${endpoint}/api/models/${repo}/revision/${encodeURIComponent(revision)}?blobs=true`);
  const { commit, files } = parseListing(await requestJson(url, { token, signal }), url);
  const main = address.file ?? modelOf(files, address);
  if (!files.has(main)) throw new WkvError("not-found", `hf:${repo} has no file ${main}. It has: ${summary(files)}.`);
  const paths = [main, ...partsOf(main, [...files.keys()]), ...companionsOf(main, files)];
  return {
    main,
    files: paths.map((path) => ({
      path,
      url: new URL(`${endpoint}/${repo}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`),
      token,
      ...(files.get(path) as HubFile),
    })),
  };
}

interface HubFile {
  readonly size: number;
  /** Only for files stored outside git, as all large ones are. */
  readonly sha256: string | undefined;
}

function parseListing(json: unknown, url: URL): { commit: string; files: Map<string, HubFile> } {
  const { sha, siblings } = (json ?? {}) as { sha?: unknown; siblings?: unknown };
  if (typeof sha !== "string" || !/^[0-9a-f]{6,64}$/.test(sha) || !Array.isArray(siblings))
    throw new WkvError("network", `${shown(url)} does not respond like a hub: check the endpoint.`);
  const files = new Map<string, HubFile>();
  for (const sibling of siblings) {
    const { rfilename, size, lfs } = sibling ?? {};
    const sha256 = /^[0-9a-f]{64}$/.test(lfs?.sha256) ? lfs.sha256 : undefined;
    // A path that could escape the cache's folder is ignored: no model has one.
    if (typeof rfilename === "string" && isSafePath(rfilename) && Number.isSafeInteger(size) && size >= 0)
      files.set(rfilename, { size, sha256 });
  }
  return { commit: sha, files };
}

function modelOf(files: ReadonlyMap<string, HubFile>, { repo, quantisation }: HubAddress): string {
  const paths = [...files.keys()];
  const choice = quantisation ? chooseQuantised(paths, quantisation) : chooseModel(paths);
  if (choice.model !== undefined) return choice.model;
  const [first] = choice.candidates;
  const none = quantisation ? `has no GGUF file of ${quantisation}` : "has no model";
  const what = first ? `has several models; name one, as in hf:${repo}/${first}` : none;
  throw new WkvError("not-found", `hf:${repo} ${what}. It has: ${summary(files)}.`);
}

/** The files in the model's folder that belong to it. */
function companionsOf(main: string, files: ReadonlyMap<string, HubFile>): string[] {
  const folder = main.slice(0, main.lastIndexOf("/") + 1);
  return companionFiles(main)
    .map(({ name, maxBytes }) => ({ path: folder + name, maxBytes }))
    .filter(({ path, maxBytes }) => path !== main && (files.get(path)?.size ?? Infinity) <= maxBytes)
    .map(({ path }) => path);
}

/** Up to 20 files, models first, with their sizes. */
function summary(files: ReadonlyMap<string, HubFile>): string {
  const paths = [...files.keys()].sort((a, b) => Number(isModelName(b)) - Number(isModelName(a))).slice(0, 20);
  return paths.map((path) => `${path} (${megabytes(files.get(path)?.size ?? 0)})`).join(", ") || "nothing";
}
