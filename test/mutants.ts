/** A small bug, and the tests that have to notice it. */
export interface Mutant {
  readonly file: string;
  /** Text that is in the file just once. */
  readonly find: string;
  readonly replace: string;
  readonly bug: string;
  readonly tests: readonly string[];
}

/** Bugs that once went unnoticed, or that a change could easily bring. `npm run mutants` tries each. */
export const mutants: readonly Mutant[] = [
  {
    file: "assembly/forward.ts",
    find: "const LAYER_NORM_EPS: f32 = 1e-5;",
    replace: "const LAYER_NORM_EPS: f32 = 1e-6;",
    bug: "another epsilon in the first and last layer norm",
    tests: ["test/host/model/layer-norm.test.ts"],
  },
  {
    file: "host/engine/batch.ts",
    find: "left(a) - left(b)",
    replace: "left(b) - left(a)",
    bug: "long prompts come before sessions that decode",
    tests: ["test/host/engine/batch.test.ts"],
  },
  {
    file: "host/state/identity.ts",
    find: "await addNorms(globals, NORMS_OUTSIDE);",
    replace: "",
    bug: "a model that differs in ln_out takes the other's states",
    tests: ["test/host/state/identity.test.ts"],
  },
  {
    file: "host/state/state-file.ts",
    find: "if (extra !== 0 || 4 * length !== data.length) throw damaged();",
    replace: "",
    bug: "bytes after a saved state go unnoticed",
    tests: ["test/host/state/state-file.test.ts"],
  },
  {
    file: "host/prompt/clean.ts",
    find: "[\\\\^$.*+?()[\\]{}|/]",
    replace: "[x]",
    bug: "a speaker's name is read as an expression",
    tests: ["test/host/chat/chat.test.ts", "test/host/chat/fuzz.test.ts", "test/claims/fuzz.test.ts"],
  },
  {
    file: "host/session/exclusive.ts",
    find: "if (this.#disposed) this.#guarded.release();",
    replace: "",
    bug: "a session that is disposed of while it feeds keeps its place",
    tests: ["test/host/session/session.test.ts"],
  },
  {
    file: "host/session/reader.ts",
    find: "    const history = this.#history;\n    this.#logits = undefined;",
    replace: "    const history = this.#history;",
    bug: "after an abort feed([]) gives logits of another state",
    tests: ["test/host/session/session.test.ts"],
  },
  {
    file: "host/source/net/request.ts",
    find: '(to.protocol === "http:" && from.protocol === "http:")',
    replace: 'to.protocol === "http:"',
    bug: "a redirect from https to http is followed",
    tests: ["test/host/source/https.test.ts"],
  },
  {
    file: "host/source/cache/disk-store.ts",
    find: "if (host === (await shortHash(hostname())) && !isRunning(Number(pid))) return true;",
    replace: "",
    bug: "a dead owner's part is waited for",
    tests: ["test/host/source/download.test.ts"],
  },
  {
    file: "host/engine/engine.ts",
    find: "      thread.onFailure = (error) => {\n        onFailure(error);",
    replace: "      thread.onFailure = () => {",
    bug: "a thread other than the first that ends is not noticed",
    tests: ["test/host/engine/thread-ends.test.ts"],
  },
  {
    file: "host/cli/output.ts",
    find: "print(process.stdout.isTTY ? withoutControls(text) : text)",
    replace: "print(text)",
    bug: "a model's controls reach a terminal",
    tests: ["test/host/cli/controls.test.ts"],
  },
  {
    file: "host/cli/inspect.ts",
    find: "given.map((row) => row.map(inLine))",
    replace: "given",
    bug: "names in a file reach a terminal raw",
    tests: ["test/host/cli/controls.test.ts"],
  },
  {
    file: "host/tokenizer/trie.ts",
    find: "if (used[further] === 1) next[slot] = next[further]!;",
    replace: "",
    bug: "the table of a long token is built in quadratic time",
    tests: ["test/host/tokenizer/bpe.test.ts"],
  },
  {
    file: "host/tokenizer/bpe/pattern.ts",
    find: "if (this.#left < 0) throw",
    replace: "if (Number.isNaN(this.#left)) throw",
    bug: "the work of patterns is not bounded",
    tests: ["test/host/tokenizer/bpe.test.ts"],
  },
];
