import { readSaved } from "../chat/saved.ts";
import { WkvError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { HttpError } from "./errors.ts";
import { NAME, type StateUse } from "./state-field.ts";
import type { StateStorage } from "./state-storage.ts";

export interface StateLimits {
  /** Maximum states per client. */
  readonly count: number;
  /** Maximum bytes per state. */
  readonly bytes: number;
  /** Most responses of one client: the oldest make room for new ones. */
  readonly responses: number;
}

/** What the names of responses begin with; those of later ones come later in the alphabet. */
export const RESPONSE_PREFIX = "resp_";

/** A conversation with its messages, or only a state. */
export type StateKind = "chat" | "session";

export interface StoredState {
  readonly kind: StateKind;
  /** Name of the model on the server that created it. */
  readonly model: string;
  readonly bytes: Uint8Array;
}

/** Description of a state for clients. */
export interface StateInfo {
  readonly id: string;
  readonly object: "state";
  readonly kind: StateKind;
  readonly model: string;
  readonly bytes: number;
  /** Unix seconds. */
  readonly created: number;
}

/** The named states of all clients; each client sees only its own. */
export class States {
  readonly #storage: StateStorage;
  readonly #limits: StateLimits;
  /** Keys about to be written by a request. */
  readonly #locked = new Set<string>();

  constructor(storage: StateStorage, limits: StateLimits) {
    this.#storage = storage;
    this.#limits = limits;
  }

  /**
   * @returns what has to be called afterwards
   * @throws HttpError 409 when another request is going to write it, on this server or one that shares the storage
   */
  async lock(client: string, id: string): Promise<() => Promise<void>> {
    const key = keyOf(client, id);
    if (this.#locked.has(key)) throw inUse(id);
    this.#locked.add(key);
    const free = () => this.#locked.delete(key);
    try {
      const release = this.#storage.lock ? await this.#storage.lock(key) : async () => {};
      if (!release) throw inUse(id);
      return () => release().finally(free);
    } catch (error) {
      free();
      throw error;
    }
  }

  /** The state that a request continues from. @throws HttpError 404 */
  async start(client: string, { from, optional, param }: StateUse): Promise<StoredState | undefined> {
    if (from === undefined) return undefined;
    const found = await this.#find(client, from);
    return found ?? (optional ? undefined : unknown(from, param));
  }

  async #find(client: string, id: string): Promise<StoredState | undefined> {
    const key = keyOf(client, id);
    const value = await this.#storage.getItemRaw(key);
    if (value === null || value === undefined) return undefined;
    const bytes = asBytes(value);
    const info = await this.#info(key, id);
    return { kind: kindOf(bytes), model: info.model, bytes };
  }

  /** @throws HttpError 404 */
  async read(client: string, id: string): Promise<StoredState> {
    return (await this.#find(client, id)) ?? unknown(id);
  }

  /** @throws HttpError 413 if it is too large, 429 if there are too many */
  async write(client: string, id: string, { kind, model, bytes }: StoredState): Promise<StateInfo> {
    if (bytes.length > this.#limits.bytes)
      throw new HttpError(413, `The state has ${bytes.length} bytes; the limit is ${this.#limits.bytes}.`);
    const key = keyOf(client, id);
    const keys = await this.#storage.getKeys(prefixOf(client));
    if (keys.length >= this.#limits.count && !keys.includes(key))
      throw new HttpError(429, `There are already ${keys.length} states: delete one first.`, {
        code: "too_many_states",
      });
    await this.#storage.setItemRaw(key, bytes);
    await this.#storage.setMeta(key, { kind, model, bytes: bytes.length, created: Math.floor(Date.now() / 1000) });
    if (id.startsWith(RESPONSE_PREFIX)) await this.#forgetResponses([...keys, key]);
    return this.#info(key, id);
  }

  async #forgetResponses(keys: readonly string[]): Promise<void> {
    const responses = keys.filter((key) => idOf(key).startsWith(RESPONSE_PREFIX)).sort();
    const old = responses.slice(0, -this.#limits.responses);
    await Promise.all(old.map((key) => this.#storage.removeItem(key, { removeMeta: true })));
  }

  async list(client: string): Promise<StateInfo[]> {
    const prefix = prefixOf(client);
    const keys = await this.#storage.getKeys(prefix);
    return Promise.all(keys.map((key) => this.#info(key, idOf(key))));
  }

  /** @throws HttpError 404 */
  async info(client: string, id: string): Promise<StateInfo> {
    await this.read(client, id);
    return this.#info(keyOf(client, id), id);
  }

  /** @throws HttpError 404 */
  async remove(client: string, id: string): Promise<void> {
    await this.read(client, id);
    await this.#storage.removeItem(keyOf(client, id), { removeMeta: true });
  }

  async #info(key: string, id: string): Promise<StateInfo> {
    const { kind = "session", model = "", bytes = 0, created = 0 } = await this.#storage.getMeta(key);
    return {
      id,
      object: "state",
      kind: kind as StateKind,
      model: String(model),
      bytes: Number(bytes),
      created: Number(created),
    };
  }
}

/**
 * Identifies an uploaded state: a saved conversation, a saved session, or a tuned state.
 * @throws WkvError `bad-state` for anything else, or another model's
 */
export async function checkedState(model: Model, bytes: Uint8Array): Promise<Omit<StoredState, "model">> {
  if (kindOf(bytes) === "chat") {
    const { state } = readSaved(bytes);
    if (state) model.createSession(state).dispose();
    return { kind: "chat", bytes };
  }
  try {
    return { kind: "session", bytes: await model.loadState(bytes) };
  } catch (error) {
    if (!(error instanceof WkvError)) throw error;
    throw new WkvError("bad-state", error.message, { cause: error });
  }
}

/** Storages use ":" as a folder separator; names have none. */
function prefixOf(client: string): string {
  return `states:${client || "all"}`;
}

function keyOf(client: string, id: string): string {
  if (!NAME.test(id)) throw new HttpError(400, "A state's name must be 1 to 128 letters, digits, _, - and .");
  return `${prefixOf(client)}:${id}.state`;
}

function idOf(key: string): string {
  return key.slice(key.lastIndexOf(":") + 1).replace(/\.state$/, "");
}

function inUse(id: string): HttpError {
  return new HttpError(409, `The state "${id}" is in use by another request: wait for it, or fork the state.`, {
    param: "state",
    code: "state_in_use",
    headers: { "retry-after": "1" },
  });
}

function unknown(id: string, param = "state"): never {
  throw new HttpError(404, `There is no state "${id}".`, { param, code: "state_not_found" });
}

function asBytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  throw new WkvError("bad-state", "The stored state is damaged: delete it.");
}

/** A saved chat begins with its mark; the library inspects anything else. */
function kindOf(bytes: Uint8Array): StateKind {
  return new TextDecoder().decode(bytes.subarray(0, 4)) === "wkvc" ? "chat" : "session";
}
