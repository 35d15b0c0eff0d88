import { full } from "./full.js";
import { probe, speed } from "./probe.js";
import { turns } from "./turns.js";

/** What a runtime can be asked for: each takes wkv, the address of the test's server, and options for loadModel. */
export const works = { full, probe, speed, turns };
