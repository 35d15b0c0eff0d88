// Installs the packages that a folder's lockfile names: `node tools/install.mjs [FOLDER]`. Plain JavaScript, because it
// runs before anything is installed.
import { fileURLToPath } from "node:url";
import { step } from "./step.mjs";

/** @param {string} folder */
export function install(folder) {
  // Inside `npm run` the name npm may mean an old one that a dependency brought along.
  const [npm = "npm", ...args] = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : [];
  const options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
  const whose = folder === "." ? "" : ` of ${folder}`;
  step(`installing the packages${whose} (once, about a minute)`, npm, [...args, ...options], folder);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) install(process.argv[2] ?? ".");
