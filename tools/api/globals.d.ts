// Classes of the web in wkv's declarations: the program's own where its libraries have them (DOM, Node's types), else the
// members that wkv uses. So a program compiles without either.
export type AbortSignal = typeof globalThis extends { AbortSignal: { prototype: infer T } }
  ? T
  : {
      readonly aborted: boolean;
      readonly reason: unknown;
      throwIfAborted(): void;
      addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
      removeEventListener(type: "abort", listener: () => void): void;
    };

export type URL = typeof globalThis extends { URL: { prototype: infer T } } ? T : { readonly href: string };

export type Blob = typeof globalThis extends { Blob: { prototype: infer T } }
  ? T
  : { readonly size: number; slice(start?: number, end?: number): Blob; arrayBuffer(): Promise<ArrayBuffer> };

/** Structural in every program: the global one's prototype takes chunks of any type. */
export interface WritableStream<Chunk> {
  getWriter(): {
    write(chunk: Chunk): Promise<void>;
    close(): Promise<void>;
    abort(reason?: unknown): Promise<void>;
  };
}

/** The global one where there is one, so that a Response takes it. */
export type ReadableStream<Chunk> = typeof globalThis extends { ReadableStream: { prototype: infer T } }
  ? T
  : {
      getReader(): {
        read(): Promise<{ done: boolean; value?: Chunk }>;
        cancel(reason?: unknown): Promise<void>;
      };
    };

export type Request = typeof globalThis extends { Request: { prototype: infer T } }
  ? T
  : { readonly url: string; readonly method: string };

export type Response = typeof globalThis extends { Response: { prototype: infer T } }
  ? T
  : { readonly status: number; json(): Promise<unknown>; text(): Promise<string> };
