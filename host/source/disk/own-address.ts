import { pathToFileURL } from "node:url";

/** The address of wkv's own code. A bundler that writes CommonJS leaves it out, and has the name of the file instead. */
export const OWN_ADDRESS = (import.meta.url as string | undefined) ?? pathToFileURL(__filename).href;
