// Node, Deno, Bun: run.mjs BASE WORK OPTIONS; prints JSON.
import * as wkv from "wkv";
import { works } from "./works.js";

const [base, work, options] = process.argv.slice(2);
console.log(JSON.stringify(await works[work](wkv, base, JSON.parse(options))));
