/** What the page of web/ does with texts and models: exports, tools, thoughts, forms, comparisons, the speed test. In Chromium. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { runProgram } from "../support/cli-program.ts";
import type { Page } from "./browsers.ts";
import { ROOT } from "./consumer.ts";
import { choose, click, count, drop, fill, opensAs, textOf, until, write } from "./web-page.ts";
import { Site, withoutChromium } from "./web-site.ts";

const BOX = join(ROOT, "models/box/box.gguf");
/** What each view offers to save, and what tells that it is drawn. */
const PICTURES: Readonly<Record<string, readonly string[]>> = {
  state: ["state.png", "state.svg", "state.json"],
  lens: ["layers.png", "layers.svg", "layers.json"],
  charts: ["speed.png", "speed.json"],
};
const READY: Readonly<Record<string, string>> = {
  state: ".picture canvas",
  lens: ".lens tbody tr",
  charts: ".chart canvas",
};
const BEGINNINGS: Readonly<Record<string, RegExp>> = { png: /^\x89PNG/, svg: /^<svg /, json: /^\[/ };

describe("the page's features", { skip: withoutChromium }, () => {
  const site = new Site();
  before(() => site.start());
  after(() => site.stop());
  const using = (work: (page: Page) => Promise<void>) => site.using(work);

  test("texts, pictures and states are taken away, and the CLI opens the state", () =>
    using(async (page) => {
      await keepSaved(page);
      await fill(page, "#seed", "7");
      await fill(page, "#length", "24");
      const text = await write(page, "Once upon a time");
      const story = text.slice(text.indexOf("Once")).replace("✎", "");
      await choose(page, ".tool-select select", "text");
      assert.equal((await saved(page, "wkv.txt")).toString(), story);
      await choose(page, ".tool-select select", "json");
      const { messages, sampling, tokens } = JSON.parse((await saved(page, "wkv.json")).toString());
      assert.equal(tokens.length, 24);
      assert.equal(messages[0].content, "Once upon a time");
      assert.ok(sampling.temperature > 0);
      for (const [view, names] of Object.entries(PICTURES)) {
        await click(page, `#tab-${view}`);
        await until(page, `document.querySelector(${JSON.stringify(READY[view])})`);
        const buttons = await count(page, "#inside-panel .buttons .quiet");
        for (let i = 0; i < buttons; i++) await click(page, "#inside-panel .buttons .quiet", i);
        for (const name of names)
          assert.match((await saved(page, name)).toString("latin1"), BEGINNINGS[name.split(".")[1]!]!);
      }
      await choose(page, ".tool-select select", "state");
      const state = join(site.folder, "page.state");
      writeFileSync(state, await saved(page, "wkv.state"));
      const inspected = await runProgram(["inspect", "--state", state], site.folder);
      assert.equal(inspected.code, 0, inspected.stderr);
      const run = await runProgram(["run", BOX, " and", "--state", state, "--max-tokens", "8"], site.folder);
      assert.equal(run.code, 0, run.stderr);
      assert.ok(run.stdout.trim().length > 0);
    }));

  test("tools: a call keeps to its schema, and its result goes back", () =>
    using(async (page) => {
      await click(page, ".modes button", 1);
      await click(page, ".add-tool");
      await fill(page, ".properties li:last-child input", "days");
      await click(page, ".properties li:last-child button");
      await choose(page, "#tool-choice", "required");
      await fill(page, "#length", "120");
      await write(page, "What is the weather in Paris?");
      await until(page, `document.querySelector(".calls")`);
      assert.equal(await textOf(page, ".calls legend"), "weather");
      assert.equal(await textOf(page, ".branches li:last-child span:last-child"), "weather()");
      const names = await page.evaluate<string[]>(
        `[...document.querySelectorAll(".calls dt")].map((dt) => dt.textContent)`,
      );
      assert.ok(names.includes("city") && names.includes("days"), names.join());
      await choose(page, "#tool-choice", "none");
      await fill(page, ".calls input", "Rain.");
      await click(page, ".calls button");
      await until(page, `document.querySelectorAll(".chat .piece").length > 2 && document.querySelector(".go")`);
    }));

  test("what may confuse the model is told, and mended with one click", () =>
    using(async (page) => {
      await click(page, ".modes button", 1);
      await fill(page, ".writing textarea", "Hello \n\n\nthere  ");
      await click(page, ".editing button");
      await until(page, `!document.querySelector(".editing")`);
      assert.match(
        await page.evaluate<string>(`document.querySelector(".writing textarea").value`),
        /^Hello\s+there\s*$/,
      );
    }));

  test("a thought is folded apart from the answer", () =>
    using(async (page) => {
      await click(page, ".modes button", 1);
      await choose(page, "#template", "g1");
      await choose(page, "#think", "on");
      await fill(page, "#length", "16");
      await write(page, "Who is the king?");
      await until(page, `document.querySelector(".go") && document.querySelector(".thought")`);
      const whole = await textOf(page, ".branches li:last-child span:last-child");
      assert.ok((await textOf(page, ".piece.answer")).includes(whole), "all of it is shown");
    }));

  test("the states play, and the text shows where", () =>
    using(async (page) => {
      await fill(page, "#length", "16");
      await write(page, "Once upon a time");
      await click(page, ".play");
      await until(page, `Number(document.querySelector("#moment").value) < 12`);
      await until(page, `document.querySelector("#moment").value === document.querySelector("#moment").max`);
      await until(page, `document.querySelector(".token.chosen") === [...document.querySelectorAll(".token")].at(-1)`);
    }));

  test("a token's alternatives are beside it, and another one forks there", () =>
    using(async (page) => {
      await fill(page, "#length", "16");
      await write(page, "Once upon a time");
      await page.evaluate(`document.querySelectorAll(".token")[4].dispatchEvent(
        new PointerEvent("pointerover", { bubbles: true, pointerType: "mouse" }))`);
      await until(page, `document.querySelector(".peek:not(.stays)")`);
      await page.evaluate(`document.querySelectorAll(".token")[4].click()`);
      await click(page, ".peek.stays button:not([aria-current])");
      await until(page, `document.querySelectorAll(".branch").length === 3 && document.querySelector(".go")`);
      assert.equal(await count(page, ".peek"), 0);
    }));

  test("answers keep to a form", () =>
    using(async (page) => {
      await choose(page, "#form", "choices");
      await fill(page, ".form-text", " the wolf\n the witch");
      assert.match(await write(page, "In the house there lived"), /the (wolf|witch)$/);
    }));

  test("two models, two prompts, side by side", () =>
    using(async (page) => {
      await fill(page, "#length", "16");
      await click(page, ".modes button", 2);
      await fill(page, ".compare-form textarea", "Once upon a time");
      await choose(page, "#what", "model");
      await click(page, ".compare-form button");
      await until(page, `document.querySelector(".compare-form button").textContent === "Compare"`);
      assert.match(await textOf(page, ".wide"), /The two texts are the same/);
      await choose(page, "#what", "prompt");
      await fill(page, ".compare-form textarea:nth-of-type(2)", "The king was old");
      await click(page, ".compare-form button");
      await until(page, `document.querySelectorAll(".version")[1]?.innerText.includes("The king was old")`);
      await until(page, `document.querySelector(".compare-form button").textContent === "Compare"`);
    }));

  test("a model and its vocabulary are dropped together", () =>
    using(async (page) => {
      await drop(page, { "vocab.txt": "/models/vocab.txt", "mine.safetensors": "/models/fairy.safetensors" });
      await opensAs(page, "mine.safetensors");
      await fill(page, "#length", "8");
      await write(page, "Once upon a time");
    }));

  test("the speed test shows phases and zeros", () =>
    using(async (page) => {
      await click(page, ".modes button", 3);
      await click(page, ".speed .primary");
      await until(page, `document.querySelectorAll(".phases li").length > 5`);
      assert.match(await textOf(page, ".speed .figure"), /^[\d.]+\s%$/);
    }));
});

/** Keeps what the page hands to the user as files. */
function keepSaved(page: Page): Promise<unknown> {
  return page.evaluate(`(() => {
    window.files = {};
    let latest;
    const make = URL.createObjectURL;
    URL.createObjectURL = (blob) => make.call(URL, (latest = blob));
    HTMLAnchorElement.prototype.click = function () { files[this.download] = latest; };
  })()`);
}

async function saved(page: Page, name: string): Promise<Buffer> {
  await until(page, `files[${JSON.stringify(name)}]`);
  const base64 = await page.evaluate<string>(`files[${JSON.stringify(name)}].arrayBuffer().then((bytes) => {
    let text = "";
    for (const byte of new Uint8Array(bytes)) text += String.fromCharCode(byte);
    return btoa(text);
  })`);
  return Buffer.from(base64, "base64");
}
