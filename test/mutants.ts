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
    file: "assembly/pool.ts",
    find: "(age == 0 && <i32>word == units)",
    replace: "age == 0",
    bug: "a phase ends when one of its units is done",
    tests: ["test/claims/schedules.test.ts"],
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
    replace: "await addNorms(globals.slice(0, 0), NORMS_OUTSIDE);",
    bug: "a model that differs in ln_out takes the other's states",
    tests: ["test/host/state/identity.test.ts"],
  },
  {
    file: "host/state/identity.ts",
    find: "if (state.matrices !== model.matrices)",
    replace: "if (state.matrices === undefined)",
    bug: "a state of other matrices is taken without a warning",
    tests: ["test/host/state/identity.test.ts"],
  },
  {
    file: "host/state/state-file.ts",
    find: "if (extra !== 0 || 4 * length !== data.length) throw damaged();",
    replace: "if (extra < 0 || length < 0) throw damaged();",
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
    replace: "if (host === (await shortHash(hostname())) && !isRunning(Number(pid))) return false;",
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
    file: "host/cli/table.ts",
    find: "given.map((row) => row.map(inLine))",
    replace: "given.map((row) => row.map((cell) => (cell ? cell : inLine(cell))))",
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
  {
    file: "host/sampling/logits.ts",
    find: "if (!(logit < Infinity))",
    replace: "if (logit === Infinity)",
    bug: "a logit that is NaN is sampled from",
    tests: ["test/host/sampling/sampler.test.ts"],
  },
  {
    file: "host/sampling/logits.ts",
    find: "if (top === -Infinity) throw",
    replace: "if (Number.isNaN(top)) throw",
    bug: "a token is drawn from logits that are all -Infinity",
    tests: ["test/host/sampling/sampler.test.ts"],
  },
  {
    file: "host/checkpoint/trainer-names.ts",
    find: "_forward_module|_orig_mod|",
    replace: "_orig_mod|",
    bug: "the prefix of a trainer's wrapper stays in the names",
    tests: ["test/host/checkpoint/trainers.test.ts"],
  },
  {
    file: "host/source/disk/write.ts",
    find: "if (found && !found.isFile()) throw notReplaced(path, found);",
    replace: "if (found?.isBlockDevice()) throw notReplaced(path, found);",
    bug: "a file replaces a device",
    tests: ["test/host/source/write-target.test.ts"],
  },
  {
    file: "host/source/net/fetch-model.ts",
    find: "if (options.verify) await",
    replace: "if (options.verify && files.length === 0) await",
    bug: "the cache keeps a login page as a model",
    tests: ["test/host/source/no-model.test.ts"],
  },
  {
    file: "host/source/cache/records.ts",
    find: "return isSound ? record : undefined;",
    replace: "return isSound || address ? record : undefined;",
    bug: "a damaged record of the cache is trusted",
    tests: ["test/host/source/no-model.test.ts"],
  },
  {
    file: "host/options/names.ts",
    find: "value !== undefined && !Object.hasOwn(names, name)",
    replace: "value === names",
    bug: "unknown options are ignored",
    tests: ["test/host/options/names.test.ts"],
  },
];
