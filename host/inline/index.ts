/**
 * `wkv` with its WebAssembly modules and the code of its threads inside, for server code that a bundler puts into one file:
 * `import { loadModel } from "wkv/inline"`. In browsers and workerd it is `wkv`, whose files bundlers find.
 */
import * as inlined from "../../build/inlined.ts";
import { useInlined } from "../platform/node.ts";

useInlined(inlined);

export * from "../index.ts";
