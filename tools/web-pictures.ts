// npm run web:pictures: docs/page/*.webp, the page as people see it, from web/dist. With a folder as argument: every view at
// 390, 768 and 1440 pixels, light and dark, to be looked at. Chromium has to be there (npm run runtimes:install).
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openChromium, type Page } from "../test/runtimes/browsers.ts";
import { chromium, HOW_TO_GET } from "../test/runtimes/runtimes.ts";
import { serve } from "../test/runtimes/server.ts";
import { choose, click, fill, made, open, opensAs, until, write } from "../test/runtimes/web-page.ts";

const inRoot = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

type View = readonly [name: string, show: (page: Page) => Promise<unknown>];

const pause = () => new Promise((resolve) => setTimeout(resolve, 400));

/** From one to the next, in this order. */
const VIEWS: readonly View[] = [
  ["start", pause],
  ["write", writeAndFork],
  ["state", (page) => click(page, "#tab-state")],
  ["tokens", (page) => click(page, "#tab-probabilities")],
  [
    "layers",
    async (page) => {
      await click(page, "#tab-lens");
      await until(page, `document.querySelectorAll(".lens tbody tr").length > 0`);
    },
  ],
  [
    "charts",
    async (page) => {
      await fill(page, "#length", "400");
      await click(page, ".go");
      await made(page);
      await click(page, "#tab-charts");
    },
  ],
  [
    "models",
    async (page) => {
      await click(page, "#tab-state");
      await click(page, ".model-button");
    },
  ],
  [
    "chat",
    async (page) => {
      await click(page, ".models .dialog-head button");
      await click(page, ".modes button", 1);
      await opensAs(page, "box");
      await write(page, "The key is in the well. Rosa is a miller. Where is the key?");
      await write(page, "Who is Rosa?");
    },
  ],
  [
    "tools",
    async (page) => {
      await click(page, ".add-tool");
      await write(page, "What is the weather in Paris?");
      await page.evaluate(`document.querySelector(".left").scrollTop = 300`);
    },
  ],
  [
    "chinese",
    async (page) => {
      await choose(page, ".choices select", "zh");
      await page.evaluate(`document.querySelector(".left").scrollTop = 0`);
    },
  ],
  [
    "compare",
    async (page) => {
      await choose(page, ".choices select", "en");
      await fill(page, "#length", "96");
      await click(page, ".modes button", 0);
      await click(page, ".modes button", 2);
      await click(page, ".compare-form button");
      await until(page, `document.querySelector(".compare-form button").textContent === "Compare"`);
    },
  ],
  [
    "speed",
    async (page) => {
      await click(page, ".modes button", 3);
      await click(page, ".speed .primary");
      await until(page, `document.querySelector(".phases")`);
    },
  ],
];

/** Of a view, what a narrow screen has to show for it. */
const PANELS: Readonly<Record<string, number>> = {
  state: 3,
  tokens: 3,
  layers: 3,
  charts: 3,
  write: 0,
  chat: 0,
  tools: 0,
  chinese: 2,
};

async function writeAndFork(page: Page): Promise<void> {
  await fill(page, "#seed", "7");
  await fill(page, "#length", "96");
  await write(page, "Once upon a time");
  await page.evaluate(`document.querySelectorAll(".token")[24].click()`);
  await click(page, ".peek button:not([aria-current])");
  await until(page, `document.querySelectorAll(".branch").length === 3`);
  await made(page);
  await page.evaluate(`document.querySelectorAll(".token")[30].click()`);
}

async function everything(page: Page, folder: string): Promise<void> {
  for (const [name, show] of VIEWS) {
    await show(page);
    for (const width of [390, 768, 1440])
      for (const colours of ["light", "dark"] as const) {
        await page.show?.(width, colours);
        const panel = PANELS[name];
        if (panel !== undefined) await click(page, ".panels button", panel);
        await pause();
        await page.screenshot?.(`${folder}/${name}-${width}-${colours}.png`);
      }
    if (PANELS[name] !== undefined) await click(page, ".panels button", 0);
  }
}

/** Pictures of docs/page.md: view, width, colours. */
const SHOWN = [
  ["write", 1280, "light"],
  ["tools", 1280, "dark"],
  ["compare", 1280, "light"],
] as const;

async function forDocs(page: Page): Promise<void> {
  for (const [name, show] of VIEWS) {
    await show(page);
    for (const [view, width, colours] of SHOWN) {
      if (view !== name) continue;
      await page.show?.(width, colours);
      await pause();
      await page.screenshot?.(inRoot(`docs/page/${name}.webp`));
    }
  }
}

const [folder] = process.argv.slice(2);
if (!chromium) throw new Error(`Chromium is not here: ${HOW_TO_GET}`);
mkdirSync(folder ?? inRoot("docs/page"), { recursive: true });
const server = await serve({ "/": inRoot("web/dist") }, true);
const page = await openChromium(chromium);
try {
  await page.show?.(1280, "light");
  await open(page, `${server.base}/index.html`);
  await (folder ? everything(page, folder) : forDocs(page));
} finally {
  await page.close();
  server.close();
}
