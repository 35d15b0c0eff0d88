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
];
