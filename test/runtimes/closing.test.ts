/** A page that is closed while the model works ends its threads, and other pages of the same browser go on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { missing } from "../support/missing.ts";
import { openChromium, openFirefox, type Page } from "./browsers.ts";
import { copyExample, makeConsumer } from "./consumer.ts";
import { retry } from "./place.ts";
import { chromium, firefox, HOW_TO_GET } from "./runtimes.ts";
import { serve } from "./server.ts";
import { NOT_LINUX, threadsNamed } from "./usage.ts";

const { folder } = makeConsumer();
const example = copyExample(folder, "browser");
/** As the browsers call the threads of workers. */
const BROWSERS = [
  ["Chromium", chromium, openChromium, "DedicatedWorker"],
  ["Firefox", firefox, openFirefox, "DOM Worker"],
] as const;
/** Far more than the model reads before the page is closed. */
const LONG = 1_000_000;

for (const [name, program, open, thread] of BROWSERS)
  test(name, { skip: NOT_LINUX || missing(program, `${name} is not here: ${HOW_TO_GET}`) }, async (t) => {
    const server = await serve({ "/": example }, true);
    const address = `${server.base}/index.html`;
    const page = await open(program as string);
    try {
      await load(page, address);
      const story = await tell(page);
      const before = threadsNamed(thread);
      const other = (await page.another?.()) as Page;
      await load(other, address);
      const during = threadsNamed(thread);
      await other.evaluate(`{ prompt.value = "word ".repeat(${LONG / 5}); go.click(); }`);
      const telling = tell(page);
      assert.equal(await other.evaluate("go.disabled"), true, "the other page works");
      await other.close();
      assert.equal(await telling, story);
      await retry(async () => assert.ok(threadsNamed(thread) <= before, `${threadsNamed(thread)} threads`));
      assert.equal(await tell(page), story);
      t.diagnostic(
        `threads of workers: ${before}, with the other page ${during}, when it is closed ${threadsNamed(thread)}`,
      );
      assert.ok(during > before);
    } finally {
      await page.close();
      server.close();
    }
  });

/** Waits until the model is there. */
async function load(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await ready(page);
}

async function tell(page: Page): Promise<string> {
  await page.evaluate("go.click()");
  await ready(page);
  return page.evaluate("text.textContent");
}

async function ready(page: Page): Promise<void> {
  await retry(async () => assert.equal(await page.evaluate("go.disabled"), false));
}
