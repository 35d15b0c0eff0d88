import { VERSION4 } from "./rwkv4.ts";
import { VERSION5 } from "./rwkv5.ts";
import { VERSION6 } from "./rwkv6.ts";
import { VERSION7 } from "./rwkv7.ts";
import type { Version } from "./version.ts";

/** In order of recognition. */
export const VERSIONS: readonly Version[] = [VERSION7, VERSION6, VERSION5, VERSION4];
