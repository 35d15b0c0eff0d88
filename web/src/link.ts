// A link that reproduces a text: what the model had read, the settings, the seed, and a hash of what came of it.
import { signal } from "@preact/signals";
import type { Opened } from "./model.ts";
import type { Form, Sampling } from "./settings.ts";
import type { Node } from "./tree.ts";

export interface Recipe {
  /** Of the model. */
  readonly fingerprint: string;
  readonly name: string;
  readonly address?: string | undefined;
  /** What was read before, as ids. */
  readonly before: readonly number[];
  readonly made: number;
  readonly seed: number;
  readonly sampling: Sampling;
  /** What the text was held to. */
  readonly form?: Form | undefined;
  /** Hash of the tokens made and of the bits of the last logits. */
  readonly digest: string;
}

/** What the page's address asked for. */
export const asked = signal<Recipe | undefined>(read(location.hash));
export const verdict = signal<boolean | undefined>(undefined);

/** The link of an answer; undefined for one that was held to tools, or is not there. */
export function linkOf({ fingerprint, name, address }: Opened, node: Node): string | undefined {
  const { ids, from, kept, seed = 0, digest = "", settings, hasTools } = node;
  if (!settings || hasTools) return undefined;
  const { sampling, form } = settings;
  const recipe: Recipe = {
    fingerprint,
    name,
    address: address?.startsWith(location.origin) ? undefined : address,
    before: ids.slice(0, from + kept),
    made: ids.length - from - kept,
    seed,
    sampling,
    form: form.kind === "none" ? undefined : form,
    digest,
  };
  const url = new URL(location.href);
  url.hash = `text=${encode(recipe)}`;
  return url.href;
}

function encode(recipe: Recipe): string {
  const bytes = new TextEncoder().encode(JSON.stringify(recipe));
  return btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");
}

function read(hash: string): Recipe | undefined {
  const text = /^#text=([\w-]+)$/.exec(hash)?.[1];
  if (!text) return undefined;
  try {
    const bytes = Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
    const recipe = JSON.parse(new TextDecoder().decode(bytes)) as Recipe;
    return isRecipe(recipe) ? recipe : undefined;
  } catch {
    return undefined; // a damaged link opens the page as it is
  }
}

/** Links come from strangers. */
function isRecipe({ fingerprint, name, before, made, seed, sampling, digest, form }: Recipe): boolean {
  const texts = [fingerprint, name, digest, form?.kind ?? ""].every(
    (text) => typeof text === "string" && text.length < 500,
  );
  const numbers = [made, seed, ...Object.values(sampling)].every((value) => Number.isFinite(value) && value >= 0);
  return (
    texts &&
    numbers &&
    typeof (form?.text ?? "") === "string" &&
    made <= 4096 &&
    Array.isArray(before) &&
    before.every((id) => Number.isInteger(id) && id >= 0)
  );
}
