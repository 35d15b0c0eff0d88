// Node, Deno, Bun: run.mjs BASE [OPTIONS]; prints JSON. With options, the speed.
import * as wkv from "wkv";
import { probe, speed } from "./probe.js";

const [base, options] = process.argv.slice(2);
console.log(JSON.stringify(options ? await speed(wkv, base, JSON.parse(options)) : await probe(wkv, base)));
