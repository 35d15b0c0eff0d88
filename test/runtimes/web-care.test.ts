/** The care that the page of web/ takes: its thread is free, memory is kept to, keyboards and readers work. In Chromium. */
import assert from "node:assert/strict";
import { loadavg } from "node:os";
import { after, before, describe, test } from "node:test";
import { openChromium, type Page } from "./browsers.ts";
import { retry } from "./place.ts";
import { chromium } from "./runtimes.ts";
import { NOT_LINUX, threadsNamed } from "./usage.ts";
import { click, count, fill, fillAddress, made, open, openAddress, PICTURE, textOf, until, write } from "./web-page.ts";
import { Site, withoutChromium } from "./web-site.ts";

/** The shape of the 0.1B models, but for the vocabulary. */
const SMALLEST_PUBLISHED = { layers: 12, width: 768, headSize: 64, vocabSize: 2048 };
/** Packing the weights of the 0.1B shape, or a second of writing, on the page's thread would take longer, on any machine. */
const HELD_MS = 1000;

describe("the page's care", { skip: withoutChromium }, () => {
  const site = new Site();
  before(() => site.start(SMALLEST_PUBLISHED));
  after(() => site.stop());
  const using = (work: (page: Page) => Promise<void>) => site.using(work);

  test("a newcomer's minute: open, first text, fork, see the state move", async (t) => {
    const page = await openChromium(chromium as string);
    const started = performance.now();
    const since = () => (performance.now() - started) / 1000;
    try {
      await page.goto(site.address);
      await click(page, ".go"); // the beginning is in the field already
      await until(page, `document.querySelectorAll(".token").length > 0`);
      const first = since();
      await made(page);
      const end = await page.evaluate(PICTURE);
      await page.evaluate(`document.querySelectorAll(".token")[8].click()`);
      await click(page, "#tab-probabilities");
      await click(page, "#inside-panel .alternatives button:not([aria-current])");
      await until(page, `document.querySelectorAll(".branch").length === 3`);
      await made(page);
      await click(page, "#tab-state");
      await until(page, `document.querySelector(".picture canvas")?.width > 10 && ${PICTURE} !== ${end}`);
      t.diagnostic(`first text after ${first.toFixed(1)} s, all of it after ${since().toFixed(1)} s`);
    } finally {
      await page.close();
    }
  });

  test("the page's thread is free while a model of the 0.1B shape loads and writes", (t) =>
    using(async (page) => {
      await page.evaluate(`new PerformanceObserver((list) => {
        (window.tasks ??= []).push(...list.getEntries().map(({ duration }) => duration));
      }).observe({ type: "longtask" })`);
      await openAddress(page, `${site.base}/models/large.safetensors`, "large.safetensors");
      await fill(page, "#length", "48");
      await write(page, "Once upon a time");
      const tasks = await page.evaluate<number[]>("window.tasks ?? []");
      t.diagnostic(`tasks of more than 50 ms: ${tasks.join(", ") || "none"}; load ${loadavg()[0]}`);
      for (const task of tasks) assert.ok(task <= HELD_MS, `the thread was held for ${task} ms`);
    }));

  test("a download is cancelled, kept, gone on with, listed and deleted", () =>
    using(async (page) => {
      const model = `${site.base}/models/large.safetensors`;
      await fillAddress(page, model);
      await until(page, `document.querySelector(".loading progress")?.value > 0.3`);
      await click(page, ".loading button");
      await until(page, `!document.querySelector(".loading")`);
      await click(page, ".model-button");
      await until(page, `[...document.querySelectorAll(".row")].some((row) => row.innerText.includes("large"))`);
      await click(page, ".models .dialog-head button");
      await openAddress(page, model, "large.safetensors");
      await click(page, ".model-button");
      const kept = `[...document.querySelectorAll(".row")].find((row) => row.innerText.includes("large"))`;
      await until(page, kept);
      assert.doesNotMatch(await page.evaluate<string>(`${kept}.innerText`), /unfinished/);
      await page.evaluate(`${kept}.querySelector("button").click()`);
      await until(page, `!${kept}`);
    }));

  test("a phone's memory is kept to, with a sentence, and the open model stays", () =>
    using(async (page) => {
      await page.evaluate(`Object.defineProperty(navigator, "deviceMemory", { value: 0.1, configurable: true })`);
      await fillAddress(page, `${site.base}/models/large.safetensors`);
      await until(page, `document.querySelector(".failure")`);
      assert.match(await textOf(page, ".failure"), /needs 0\.\d+ GiB .* 0\.06 GiB may be taken/);
      await click(page, ".failure button");
      // What a browser does that has no memory left.
      await page.evaluate(`(() => {
        Object.defineProperty(navigator, "deviceMemory", { value: 8 });
        WebAssembly.Memory = class extends WebAssembly.Memory {
          constructor(descriptor) {
            if (descriptor.initial > 100) throw new RangeError("could not allocate memory");
            super(descriptor);
          }
        };
      })()`);
      await fillAddress(page, `${site.base}/models/large.safetensors`);
      await until(page, `document.querySelector(".failure")`);
      assert.match(await textOf(page, ".failure"), /Cannot allocate \d+ MB: free memory, or use a smaller model/);
      await click(page, ".failure button");
      await fill(page, "#length", "8");
      await write(page, "Once upon a time");
    }));

  test("a hidden page pauses", () =>
    using(async (page) => {
      await fill(page, "#length", "400");
      await click(page, ".go");
      await until(page, `document.querySelectorAll(".token").length > 3`);
      await hide(page, true);
      await sleep(300);
      const before = await count(page, ".token");
      await sleep(700);
      assert.ok((await count(page, ".token")) <= before + 1, "it writes no more");
      await hide(page, false);
      await until(page, `document.querySelectorAll(".token").length > ${before + 3}`);
      await click(page, ".stop");
      await made(page);
    }));

  test("a closed page ends its threads, and the other one goes on", { skip: NOT_LINUX }, () =>
    using(async (page) => {
      const before = threadsNamed("DedicatedWorker");
      const other = (await page.another?.()) as Page;
      await open(other, site.address);
      await fill(other, "#length", "400");
      await click(other, ".go");
      await until(other, `document.querySelectorAll(".token").length > 3`);
      assert.ok(threadsNamed("DedicatedWorker") > before);
      await other.close();
      await retry(async () => assert.ok(threadsNamed("DedicatedWorker") <= before));
      await fill(page, "#length", "8");
      await write(page, "Once upon a time");
    }),
  );

  test("by keyboard: write, walk through the tokens, fork, change tabs", () =>
    using(async (page) => {
      await fill(page, "#length", "16");
      await page.evaluate(`document.querySelector(".writing textarea").focus()`);
      await page.press?.("Enter");
      await made(page);
      await page.evaluate(`document.querySelector("#text").focus()`);
      await page.press?.("ArrowLeft");
      await page.press?.("ArrowLeft");
      assert.equal(await count(page, ".token.chosen"), 1);
      await page.press?.("Enter");
      assert.equal(await page.evaluate(`document.activeElement.closest(".peek") !== null`), true);
      await page.press?.("Escape");
      assert.equal(await page.evaluate("document.activeElement.id"), "text");
      assert.equal(await count(page, ".peek"), 0);
      await page.evaluate(`document.querySelector("#tab-state").focus()`);
      await page.press?.("ArrowLeft");
      assert.equal(await page.evaluate("document.activeElement.id"), "tab-probabilities");
      await until(page, `document.querySelectorAll("#inside-panel .alternatives button").length === 8`);
      for (let i = 0; i < 3; i++) await page.press?.("Tab");
      await page.press?.("Enter");
      await until(page, `document.querySelectorAll(".branch").length === 3`);
      await made(page);
      await page.evaluate(`document.querySelector(".model-button").focus()`);
      await page.press?.("Enter");
      await until(page, `document.querySelector("dialog[open]")`);
      await page.press?.("Escape");
      await until(page, `!document.querySelector("dialog[open]")`);
    }));

  test("right-to-left text and input methods", () =>
    using(async (page) => {
      await fill(page, "#length", "8");
      await fill(page, ".writing textarea", "كان يا ما كان");
      assert.equal(
        await page.evaluate(`getComputedStyle(document.querySelector(".writing textarea")).direction`),
        "rtl",
      );
      await fill(page, ".writing textarea", "从前");
      // Enter that takes a suggestion of the input method.
      await page.evaluate(`document.querySelector(".writing textarea").dispatchEvent(
        new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true }))`);
      assert.equal(await count(page, ".piece"), 0, "nothing is sent");
      await page.evaluate(`document.documentElement.dir = "rtl"`);
      const overflow = `document.documentElement.scrollWidth - document.documentElement.clientWidth`;
      assert.equal(await page.evaluate(overflow), 0);
      await page.evaluate(`document.documentElement.dir = "ltr"`);
      await click(page, ".go");
      await made(page);
    }));

  test("nothing moves for those who want that, and nothing is wider than a phone", () =>
    using(async (page) => {
      await page.show?.(390, "light", "reduce");
      await fill(page, "#length", "24");
      await click(page, ".go");
      await until(page, `document.querySelectorAll(".token").length > 0`);
      assert.equal(await page.evaluate(`document.getAnimations().length`), 0);
      await made(page);
      for (const [i] of [0, 1, 2, 3].entries()) {
        await click(page, ".panels button", i);
        assert.ok(await page.evaluate(`document.documentElement.scrollWidth <= 390`), `panel ${i}`);
      }
    }));
});

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** As a browser that shows another tab. */
function hide(page: Page, hidden: boolean): Promise<unknown> {
  return page.evaluate(`(() => {
    Object.defineProperty(document, "hidden", { value: ${hidden}, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  })()`);
}
