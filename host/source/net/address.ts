import { WkvError } from "../../errors.ts";

/** A file of a hub repository, or the repository whose model is to be chosen. */
export interface HubAddress {
  readonly kind: "hub";
  readonly repo: string;
  /** Path in the repository; undefined: choose the model. */
  readonly file: string | undefined;
  /** Chooses the GGUF file whose name has this quantisation, such as Q8_0. */
  readonly quantisation?: string | undefined;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

/** A file on any server. */
export interface WebAddress {
  readonly kind: "web";
  readonly url: URL;
}

export type Address = HubAddress | WebAddress;

/** Whether a source is remote: `hf:...` or an http(s) address. */
export function isAddress(source: string | URL): boolean {
  return /^(hf|https?):/i.test(String(source));
}

/**
 * Reads `hf:ORG/REPO[/FILE | :QUANTISATION][@REVISION]`, or an http(s) address; one of the hub's own pages or files is the same as `hf:`.
 * @param endpoint the hub's address, without a slash at the end
 * @throws WkvError `not-found` for what is neither
 */
export function parseAddress(source: string | URL, endpoint: string): Address {
  const text = String(source);
  if (/^hf:/i.test(text)) return parseHub(text);
  if (!URL.canParse(text))
    throw new WkvError("not-found", "The address cannot be read: write it as https://HOST/FILE.");
  const url = new URL(text);
  url.hash = "";
  const page =
    url.origin === new URL(endpoint).origin &&
    /^\/([\w.-]+\/[\w.-]+)(?:\/(?:resolve|blob|tree)\/([^/]+)(?:\/(.+))?)?\/?$/.exec(url.pathname);
  if (!page) return { kind: "web", url };
  const [, repo = "", revision = "main", file] = page;
  return hubAddress(repo, file && decoded(file), decoded(revision), text);
}

/** A part of an address. One that is not percent-encoded is taken as it is. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** An address without credentials: for messages and the cache. */
export function shown(url: URL): string {
  if (!url.username && !url.password) return url.href;
  const clean = new URL(url);
  clean.username = clean.password = "";
  return clean.href;
}

/** The canonical form of an address: the key of the cache. */
export function addressText(address: Address): string {
  if (address.kind === "web") return shown(address.url);
  const { repo, file, quantisation, revision } = address;
  const choice = file ? `/${file}` : quantisation ? `:${quantisation}` : "";
  return `hf:${repo}${choice}${revision === "main" ? "" : `@${revision}`}`;
}

function parseHub(text: string): HubAddress {
  const [, repo = "", quantisation, file, revision = "main"] =
    /^hf:(?:\/\/)?([^/@:]+\/[^/@:]+)(?::(\w+)|\/([^@]+))?(?:@(.+))?$/i.exec(text) ?? [];
  const address = hubAddress(repo, file, revision, text);
  return quantisation ? { ...address, quantisation: quantisation.toUpperCase() } : address;
}

function hubAddress(repo: string, file: string | undefined, revision: string, text: string): HubAddress {
  const isName = (name: string) => /^[\w.-]{1,100}$/.test(name) && !/^\.+$/.test(name);
  const isRevision = /^[\w./-]{1,200}$/.test(revision) && !revision.includes("..");
  const names = repo.split("/");
  if (names.length !== 2 || !names.every(isName) || !isRevision || (file !== undefined && !isSafePath(file)))
    throw new WkvError(
      "not-found",
      `${text} is not an address on the hub: write hf:ORG/REPO, hf:ORG/REPO/FILE or hf:ORG/REPO:Q8_0, with @REVISION after any.`,
    );
  return { kind: "hub", repo, file, revision };
}

/** Whether a path stays inside its folder, on every system. */
export function isSafePath(path: string): boolean {
  const isSafe = (name: string) => /^[^\\:*?"<>|\p{Cc}]{1,200}$/u.test(name) && !/^\.|[. ]$/.test(name);
  return path.length <= 1000 && path.split("/").every(isSafe);
}
