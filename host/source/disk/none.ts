import type { Files } from "./index.ts";

/** Browsers and workerd have no file system: paths are addresses there, and nothing is kept on disk. */
export const files: Files | undefined = undefined;
