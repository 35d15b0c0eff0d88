import type { EngineMemory } from "./memory.ts";

/** Bytes of rows that are kept. */
const MOST_KEPT = 1 << 20;

/** Where rows of an embedding come from that is not in memory. */
export interface RowSource {
  /** Bytes of a row as it is stored. */
  readonly rowBytes: number;
  read(target: Uint8Array, token: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * The embedding outside the module's memory: the rows of a batch's tokens are put where the whole would begin, and the
 * batch then speaks of places instead of tokens. Rows that come often are kept.
 */
export class EmbeddingRows {
  readonly #source: RowSource;
  readonly #memory: EngineMemory;
  readonly #address: number;
  /** The latest last. */
  readonly #kept = new Map<number, Uint8Array>();

  constructor(source: RowSource, memory: EngineMemory, address: number) {
    this.#source = source;
    this.#memory = memory;
    this.#address = address;
  }

  /** @returns the place of each token's row @throws as reading the model's file does */
  async place(tokens: readonly number[]): Promise<number[]> {
    const rows = await Promise.all([...new Set(tokens)].map(async (token) => [token, await this.#row(token)] as const));
    const { rowBytes } = this.#source;
    const places = new Map<number, number>();
    const all = new Uint8Array(rows.length * rowBytes);
    for (const [token, row] of rows) {
      all.set(row, places.size * rowBytes);
      places.set(token, places.size);
    }
    void this.#memory.write(this.#address, all);
    return tokens.map((token) => places.get(token) as number);
  }

  close(): Promise<void> {
    this.#kept.clear();
    return this.#source.close();
  }

  async #row(token: number): Promise<Uint8Array> {
    const kept = this.#kept.get(token);
    this.#kept.delete(token);
    const row = kept ?? new Uint8Array(this.#source.rowBytes);
    if (!kept) await this.#source.read(row, token);
    this.#kept.set(token, row);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size * row.length > MOST_KEPT) this.#kept.delete(oldest as number);
    return row;
  }
}
