/** The part of unstorage's `Storage` that is needed; every storage of unstorage has it. */
export interface StateStorage {
  getItemRaw(key: string): Promise<unknown>;
  setItemRaw(key: string, value: unknown): Promise<void>;
  removeItem(key: string, options: { removeMeta: boolean }): Promise<void>;
  getKeys(base: string): Promise<string[]>;
  getMeta(key: string): Record<string, unknown> | Promise<Record<string, unknown>>;
  setMeta(key: string, value: Record<string, unknown>): Promise<void>;
  /**
   * For storages that several servers share: locks a state that a request is going to write.
   * @returns what frees it; nothing when another server has the lock
   */
  lock?(key: string): Promise<(() => Promise<void>) | undefined>;
  dispose?(): Promise<void>;
}
