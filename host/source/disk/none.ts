import type { Files } from "./index.ts";

/** Browsers and workerd have no file system: paths are relative addresses, and nothing is stored on disk. */
export const files: Files | undefined = undefined;
