/** The page of web/, built and served below a path with a strict content security policy. */
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { syntheticModel } from "../../host/cli/synthetic.ts";
import { missing } from "../support/missing.ts";
import { openChromium, type Page } from "./browsers.ts";
import { ROOT } from "./consumer.ts";
import { output } from "./place.ts";
import { chromium, HOW_TO_GET } from "./runtimes.ts";
import { type Server, serve } from "./server.ts";
import { open } from "./web-page.ts";

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

/** A model for tests, and its vocabulary beside it. */
const TALES = join(ROOT, "test/models/fairy");

/** The page, built into a folder and served with the isolation headers, for Chromium. */
export class Site {
  readonly folder = mkdtempSync(join(tmpdir(), "wkv-page-"));
  #server: Server | undefined;

  /** @param shape of a model at /models/large.safetensors; none by default */
  async start(shape?: Parameters<typeof syntheticModel>[0]): Promise<void> {
    const [site, models] = [join(this.folder, "site"), mkdtempSync(join(this.folder, "models-"))];
    for (const file of ["fairy.safetensors", "vocab.txt"]) copyFileSync(join(TALES, file), join(models, file));
    if (shape) {
      const { convertModel }: typeof import("../../host/index.ts") = await import(join(ROOT, "build/index.js"));
      const vocab = join(TALES, "vocab.txt");
      await convertModel(syntheticModel(shape), join(models, "large.safetensors"), { vocab });
    }
    await buildSite(site);
    this.#server = await serve({ "/sub/": site, "/models/": models }, true);
  }

  stop(): void {
    this.#server?.close();
    rmSync(this.folder, { recursive: true });
  }

  get base(): string {
    return this.#server?.base ?? "";
  }

  get address(): string {
    return `${this.base}/sub/index.html`;
  }

  /** Opens the page, and expects it to report no error. */
  async using(work: (page: Page) => Promise<void>): Promise<void> {
    const page = await openChromium(chromium as string);
    try {
      await open(page, this.address);
      await work(page);
      assert.deepEqual(page.errors, []);
    } finally {
      await page.close();
    }
  }
}
