// `npm run web` serves the page of web/ while it is worked on, `npm run web:build` makes web/dist, a folder for any static
// host. Plain JavaScript, because it installs what is missing first.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { install } from "./install.mjs";
import { root, step } from "./step.mjs";

const vite = join(root, "web", "node_modules", "vite", "bin", "vite.js");
if (!existsSync(vite)) install("web");
const [command = "dev", ...options] = process.argv.slice(2);
step(
  command === "build" ? "building the page" : "serving the page",
  process.execPath,
  [vite, command, ...options],
  "web",
);
