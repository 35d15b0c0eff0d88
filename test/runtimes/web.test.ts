/** The page of web/, built, below a path, with a strict content security policy, in real browsers. */
import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { type OpenPage, openChromium, openFirefox, openWebKit, type Page } from "./browsers.ts";
import { makeConsumer, ROOT } from "./consumer.ts";
import { retry, startGroup } from "./place.ts";
import { chromium, firefox, webkit } from "./runtimes.ts";
import { type Server, serve } from "./server.ts";
import { choose, click, count, drop, fill, made, open, textOf, until, useAll, write } from "./web-page.ts";
import { absent, buildSite, skipPage, WEB } from "./web-site.ts";

const SITE = join(WEB, "dist");
const FIRST_LOAD_LIMIT = 200_000;
const LAYERS = 6;

const BROWSERS: [name: string, program: string | undefined, open: OpenPage][] = [
  ["Chromium", chromium || undefined, openChromium],
  ["Firefox", firefox || undefined, openFirefox],
  ["WebKitGTK", webkit || undefined, openWebKit],
];

const folders = { "/sub/": SITE, "/models/": join(ROOT, "test/golden/data/synth") };

const { source: axe } = skipPage ? { source: "" } : createRequire(join(WEB, "package.json"))("axe-core");

/** A link that Chromium made, for the others to reproduce. */
let link = "";

describe("the page", { skip: skipPage }, () => {
  let server: Server;
  before(async () => {
    await buildSite(SITE);
    server = await serve(folders, true);
  });
  after(() => server?.close());

  const using = async (openPage: OpenPage, program: string, work: (page: Page, url: string) => Promise<void>) => {
    const page = await openPage(program);
    try {
      const url = `${server.base}/sub/index.html`;
      await open(page, url);
      await work(page, url);
      assert.deepEqual(page.errors ?? [], []);
    } finally {
      await page.close();
    }
  };

  const serving = async (isolated: boolean, work: (server: Server) => Promise<void>) => {
    const other = await serve(folders, isolated);
    try {
      await work(other);
    } finally {
      other.close();
    }
  };

  for (const [name, program, openPage] of BROWSERS) {
    test(`${name}: write, go back, fork, look inside, chat, drop a file`, { skip: absent(program) }, () =>
      using(openPage, program as string, async (page, url) => {
        await useAll(page, LAYERS);
        await drop(page, { "q7.pth": "/models/q7.zip.pth" });
        await until(page, `document.querySelector(".model-name").textContent === "q7.pth"`);
        await until(page, `!document.querySelector(".loading")`);
        await fill(page, ".writing textarea", "Once");
        await click(page, ".go");
        await until(page, `document.querySelector(".failure")`);
        assert.match(await textOf(page, ".failure"), /vocab/, "it says what a model without a vocabulary needs");
        if (name === "Chromium") link = await linkOfText(page, url);
      }),
    );
    test(`${name}: a link from Chromium gives the same bits`, { skip: absent(program && chromium) }, () =>
      using(openPage, program as string, async (page, url) => {
        await page.goto("about:blank");
        await open(page, url + new URL(link).hash);
        await click(page, ".notice .primary");
        await until(page, `document.querySelector("[data-verdict]")`);
        assert.equal(await page.evaluate(`document.querySelector("[data-verdict]").dataset.verdict`), "true");
      }),
    );
    test(`${name}: without the headers the service worker lets threads share memory`, { skip: absent(program) }, () =>
      serving(false, async (bare) => {
        const page = await openPage(program as string);
        try {
          await page.goto(`${bare.base}/sub/index.html`);
          await until(page, `crossOriginIsolated && document.querySelector("[data-ready=true]")`);
          await write(page, "Once upon a time");
        } finally {
          await page.close();
        }
      }),
    );
    test(`${name}: a visited page opens and writes offline`, { skip: absent(program) }, () =>
      serving(true, async (other) => {
        const page = await openPage(program as string);
        try {
          const url = `${other.base}/sub/index.html`;
          await open(page, url);
          await until(page, `navigator.serviceWorker.controller`);
          other.close();
          await open(page, url);
          await write(page, "Once upon a time");
        } finally {
          await page.close();
        }
      }),
    );
  }

  test("the first load is small, and nothing moves while it loads", { skip: absent(chromium) }, (t) =>
    using(openChromium, chromium as string, async (page) => {
      const names = await page.evaluate<string[]>(
        `performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname)`,
      );
      const files = new Set(["index.html", ...names.map((name) => name.replace("/sub/", ""))]);
      const sizes = [...files]
        .filter((name) => !name.startsWith("models/") && name !== "sw.js")
        .map((name) => gzipSync(readFileSync(join(SITE, name))).length);
      const bytes = sizes.reduce((sum, size) => sum + size, 0);
      t.diagnostic(`${files.size} files, ${bytes} bytes gzipped`);
      assert.ok(bytes < FIRST_LOAD_LIMIT, `${bytes} bytes`);
      await write(page, "Once upon a time");
      const shift = await page.evaluate<number>(`new Promise((resolve) => {
        let sum = 0;
        new PerformanceObserver((list) => {
          for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) sum += value;
        }).observe({ type: "layout-shift", buffered: true });
        setTimeout(() => resolve(sum), 300);
      })`);
      t.diagnostic(`layout shift ${shift.toFixed(4)}`);
      assert.ok(shift <= 0.1, `layout shift ${shift}`);
    }),
  );

  test("axe finds nothing, at three widths, light and dark, in both languages", { skip: absent(chromium) }, () =>
    using(openChromium, chromium as string, async (page) => {
      await page.evaluate(`${axe}; undefined`);
      await write(page, "Once upon a time");
      const found: string[] = [];
      for (const [width, colours] of [
        [390, "dark"],
        [768, "light"],
        [1440, "light"],
        [1440, "dark"],
      ] as const) {
        await page.show!(width, colours);
        for (const view of VIEWS) {
          await view(page);
          found.push(...(await violations(page, `${width} ${colours}`)));
        }
      }
      await choose(page, ".choices select", "zh");
      await until(page, `document.documentElement.lang === "zh"`);
      found.push(...(await violations(page, "zh")));
      assert.deepEqual([...new Set(found)], []);
    }),
  );

  test("wkv serve shows it, from the package", { skip: absent(chromium) }, async () => {
    const consumer = makeConsumer();
    const cli = join(consumer.folder, "node_modules/wkv/build/cli.js");
    const program = startGroup(process.execPath, [cli, "serve", "--port", "0"], consumer.folder);
    try {
      const url = await retry(async () => {
        const found = /page: (\S+)/.exec(program.said())?.[1];
        assert.ok(found);
        return found;
      }, program.said);
      const page = await openChromium(chromium as string);
      try {
        await open(page, url);
        assert.equal(await page.evaluate("crossOriginIsolated"), true);
        await fill(page, "#length", "8");
        await until(page, `document.querySelector(".served .tools select").value`);
        await fill(page, ".writing textarea", "Hello!");
        await click(page, ".go"); // to the server's model
        await until(
          page,
          `document.querySelector(".go") && document.querySelector(".piece.answer")?.innerText.length > 8`,
        );
        await page.evaluate(`${axe}; undefined`);
        assert.deepEqual(await violations(page, "server"), []);
        await click(page, ".modes button", 1);
        await write(page, "Once upon a time");
        assert.deepEqual(page.errors, []);
      } finally {
        await page.close();
      }
    } finally {
      await program.end();
      rmSync(consumer.folder, { recursive: true });
    }
  });
});

/** What a user can bring before his eyes. */
const VIEWS: ((page: Page) => Promise<void>)[] = [
  (page) => click(page, ".modes button", 0),
  (page) => click(page, "#tab-probabilities"),
  (page) => click(page, "#tab-lens"),
  (page) => click(page, "#tab-state"),
  (page) => click(page, ".panels button", 1),
  (page) => click(page, ".panels button", 2),
  (page) => click(page, ".panels button", 3),
  (page) => click(page, ".modes button", 1),
  async (page) => {
    if ((await count(page, ".toolbox fieldset")) === 0) await click(page, ".add-tool");
    await choose(page, "#form", "schema");
  },
  (page) => click(page, ".modes button", 2),
  (page) => choose(page, "#what", "prompt"),
  (page) => choose(page, "#what", "model"),
  (page) => click(page, ".modes button", 3),
  (page) => click(page, ".model-button"),
  async (page) => {
    await click(page, ".models .dialog-head button");
    await click(page, ".modes button", 0);
    await click(page, ".panels button", 0);
  },
];

async function violations(page: Page, what: string): Promise<string[]> {
  const found = await page.evaluate<string[]>(
    `axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ": " + html.slice(0, 200))))`,
  );
  return found.map((each) => `${what}: ${each}`);
}

/** Of a text that was forked, which holds of one that was not as well. */
async function linkOfText(page: Page, url: string): Promise<string> {
  await open(page, url);
  await fill(page, "#seed", "42");
  await fill(page, "#length", "40");
  await write(page, "Once upon a time");
  await page.evaluate(`document.querySelectorAll(".token")[5].click()`);
  await click(page, "#tab-probabilities");
  await click(page, "#inside-panel .alternatives button:not([aria-current])");
  await until(page, `document.querySelectorAll(".branch").length === 3`);
  await made(page);
  await page.evaluate(`navigator.clipboard.writeText = async (text) => { window.copied = text; }`);
  await click(page, ".tools button", 4);
  await until(page, `window.copied`);
  await made(page);
  return page.evaluate<string>(`window.copied`);
}
