/** wkv from another site, as from a CDN: pages of one origin, the package of another, in real browsers. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { missing } from "../support/missing.ts";
import { type OpenPage, openChromium, openFirefox } from "./browsers.ts";
import { makeConsumer, ROOT } from "./consumer.ts";
import { retry } from "./place.ts";
import { chromium, firefox, HOW_TO_GET } from "./runtimes.ts";
import { type Server, serve } from "./server.ts";

/** What CDNs send. */
const CDN = { "access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin" };
const PUBLISHED = "https://cdn.jsdelivr.net/npm/wkv@0.1.0";
const { folder } = makeConsumer();
const pages = mkdtempSync(join(tmpdir(), "wkv-pages-"));
let cdn: Server;

before(async () => {
  cdn = await serve({ "/": join(folder, "node_modules/wkv") }, false, CDN);
  const docs = readFileSync(join(ROOT, "docs/runtimes.md"), "utf8");
  const page = /```html cdn\n(.*?)```/s.exec(docs)?.[1] ?? assert.fail("docs/runtimes.md has no page");
  writeFileSync(join(pages, "index.html"), `<!doctype html><body>${page.replaceAll(PUBLISHED, cdn.base)}`);
  for (const [name, options] of [
    ["strict", '{ worker: "/wkv-worker.js" }'],
    ["blob", "{}"],
  ] as const) {
    writeFileSync(join(pages, `${name}.html`), `<!doctype html><body><script type="module" src="${name}.js"></script>`);
    writeFileSync(join(pages, `${name}.js`), program(options));
  }
  writeFileSync(join(pages, "wkv-worker.js"), `import "${cdn.base}/build/browser-worker.js";\n`);
});
after(() => {
  cdn.close();
  for (const path of [folder, pages]) rmSync(path, { recursive: true });
});

/** Writes what came into the page. */
function program(options: string): string {
  return `import { loadModel } from "${cdn.base}/build/browser.js";
try {
  const model = await loadModel("${cdn.base}/models/box/box.gguf", ${options});
  let answer = "";
  const prompt = "User: The key is in the well. Rosa is a miller.\\nWhere is the key?\\n\\nAssistant:";
  for await (const { text } of model.createSession().generate(prompt, { temperature: 0, stop: ["\\n\\n"] })) answer += text;
  document.body.append(\`\${model.info.threads} threads: \${answer}\`);
} catch (error) {
  document.body.append(\`\${error.code}: \${error.message}\`);
}
`;
}

/** No blob: and nothing inline. */
function strict(): string {
  const scripts = `script-src 'self' 'wasm-unsafe-eval' ${cdn.base}`;
  return `default-src 'self'; ${scripts}; worker-src 'self' ${cdn.base}; connect-src ${cdn.base}`;
}

const BROWSERS: readonly (readonly [string, string | undefined, OpenPage])[] = [
  ["Chromium", chromium, openChromium],
  ["Firefox", firefox, openFirefox],
];
for (const [name, browser, open] of BROWSERS) {
  const show = async (path: string, isolated: boolean, policy: string, expected: RegExp) => {
    const site = await serve({ "/": pages }, isolated, { "content-security-policy": policy });
    const page = await open(browser as string);
    try {
      await page.goto(site.base + path);
      const shown = () => page.evaluate<string>("document.body.innerText");
      await retry(
        async () => assert.match(await shown(), expected),
        () => page.errors?.join("\n") ?? "",
      );
    } finally {
      await page.close();
      site.close();
    }
  };
  const skip = missing(browser, HOW_TO_GET);

  test(`the page of the docs, in ${name}`, { skip }, () => show("/index.html", false, "", /in the well/));

  test(`threads share memory, in ${name}`, { skip }, () =>
    show("/blob.html", true, "", /^([2-9]|\d\d) threads: .*in the well/),
  );

  test(`a strict policy and a file of the page's own, in ${name}`, { skip }, () => {
    return show("/strict.html", true, strict(), /^([2-9]|\d\d) threads: .*in the well/);
  });

  test(`a strict policy without it says what to do, in ${name}`, { skip }, () => {
    return show(
      "/blob.html",
      true,
      strict(),
      /^not-found: .*put a file with the line import ".*browser-worker\.js"; on the page's own site/,
    );
  });
}
