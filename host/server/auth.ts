import { HttpError } from "./errors.ts";

/** The sender of a request: a digest of the key, or "" without keys. States are stored by it. */
export type Client = string;

/** Identifies clients by their keys. */
export class Keys {
  readonly #digests: Promise<readonly string[]>;

  constructor(keys: readonly string[]) {
    if (keys.some((key) => typeof key !== "string" || key === ""))
      throw new TypeError('"apiKeys" expected non-empty strings');
    this.#digests = Promise.all(keys.map(digest));
  }

  /** @throws HttpError 401 */
  async clientOf({ headers }: Request): Promise<Client> {
    const digests = await this.#digests;
    if (digests.length === 0) return "";
    const [, bearer] = /^Bearer +(.+)$/i.exec(headers.get("authorization") ?? "") ?? [];
    const given = await digest(bearer ?? headers.get("x-api-key") ?? "");
    if (isOneOf(digests, given)) return given.slice(0, 32);
    throw new HttpError(401, 'The API key is missing or wrong: send the header "authorization: Bearer KEY".', {
      code: "invalid_api_key",
      headers: { "www-authenticate": "Bearer" },
    });
  }
}

/** Of equal length for any two texts, so that comparison time reveals nothing about a key's prefix. */
async function digest(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Compares with every key, in full. */
function isOneOf(digests: readonly string[], given: string): boolean {
  let found = 0;
  for (const known of digests) {
    let difference = 0;
    for (let i = 0; i < known.length; i++) difference |= known.charCodeAt(i) ^ given.charCodeAt(i);
    found |= Number(difference === 0);
  }
  return found === 1;
}
