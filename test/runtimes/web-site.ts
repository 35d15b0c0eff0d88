/** The page of web/, built and served below a path with a strict content security policy. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { missing } from "../support/missing.ts";
import { ROOT } from "./consumer.ts";
import { output } from "./place.ts";
import { chromium, HOW_TO_GET } from "./runtimes.ts";

export const WEB = join(ROOT, "web");
const vite = join(WEB, "node_modules/vite/bin/vite.js");

/** Why tests of the page are skipped. */
export const skipPage = missing(
  existsSync(vite),
  "the packages of web/ are not here: npm run runtimes:install gets them",
);
export const absent = (program: unknown) => skipPage || missing(program, `not here: ${HOW_TO_GET}`);
export const withoutChromium = absent(chromium);

/** @param folder that is emptied and filled */
export async function buildSite(folder: string): Promise<void> {
  await output(process.execPath, [vite, "build", "--outDir", folder], WEB);
}
