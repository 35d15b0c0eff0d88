/** Next, SvelteKit and Jest, from their own builds of the examples, with wkv as it is installed. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { missing } from "../support/missing.ts";
import { openChromium } from "./browsers.ts";
import { copyExample, copyPackages, makeConsumer, ROOT } from "./consumer.ts";
import { freePort, output, retry, startGroup } from "./place.ts";
import { chromium, HOW_TO_GET, jest, next, nodes, svelteKit } from "./runtimes.ts";

const { folder } = makeConsumer();
after(() => rmSync(folder, { recursive: true }));

test("Next: a route handler and a client component", { skip: missing(next && chromium, HOW_TO_GET) }, async () => {
  // Turbopack takes no links that leave the project.
  copyPackages(folder, ["next", "react", "react-dom"]);
  cpSync(join(ROOT, "examples/next"), folder, { recursive: true });
  mkdirSync(join(folder, "public"));
  cpSync(join(folder, "node_modules/wkv/models/box/box.gguf"), join(folder, "public/box.gguf"));
  const program = join(folder, "node_modules/next/dist/bin/next");
  await output(process.execPath, [program, "build"], folder, { NEXT_TELEMETRY_DISABLED: "1" });
  await assertAnswers(process.execPath, [program, "start", "--hostname", "127.0.0.1"], folder);
});

test("SvelteKit: an endpoint and a component", { skip: missing(svelteKit && chromium, HOW_TO_GET) }, async () => {
  const node = (nodes.get(24) ?? nodes.get(22)) as string; // SvelteKit 3 needs 22.17
  const copy = copyExample(folder, "sveltekit");
  writeFileSync(
    join(copy, "package.json"),
    JSON.stringify({ private: true, type: "module", dependencies: { wkv: "*" } }),
  );
  const tools = ["vite", "svelte", "@sveltejs/kit", "@sveltejs/adapter-node", "@sveltejs/vite-plugin-svelte"];
  copyPackages(folder, tools);
  await output(node, [join(folder, "node_modules/vite/bin/vite.js"), "build"], copy);
  await assertAnswers(node, ["server.js"], copy);
});

/** Starts the built site, and asks with both buttons of its page. */
async function assertAnswers(command: string, args: readonly string[], place: string): Promise<void> {
  const port = await freePort();
  const server = startGroup(command, args, place, { PORT: String(port) });
  const page = await openChromium(chromium as string);
  try {
    await retry(() => page.goto(`http://127.0.0.1:${port}/`), server.said);
    assert.equal(await page.evaluate("crossOriginIsolated"), true);
    for (const button of ["here", "there"])
      await retry(async () => assert.match(await page.evaluate<string>(askWith(button)), /^in the well/), server.said);
  } finally {
    await page.close();
    await server.end();
  }
}

/** Clicks, and gives what the page shows a second later: the button works once the framework has taken the page over. */
function askWith(button: string): string {
  return `new Promise((resolve) => {
    document.getElementById("${button}").click();
    setTimeout(() => resolve(document.getElementById("answer").textContent), 1000);
  })`;
}

test("Jest, as docs/runtimes.md says", { skip: missing(jest, HOW_TO_GET) }, async () => {
  const docs = readFileSync(join(ROOT, "docs/runtimes.md"), "utf8");
  const [, options = "", transform = ""] = /`NODE_OPTIONS=(\S+) npx jest` and\s+`("transform": \S+)`/.exec(docs) ?? [];
  const place = join(folder, "jest");
  mkdirSync(place);
  writeFileSync(join(place, "package.json"), `{ "type": "module", "jest": { ${transform} } }`);
  writeFileSync(
    join(place, "answer.test.js"),
    `import { loadModel } from "wkv";
    import { chat } from "wkv/chat";
    test("answers", async () => {
      const model = await loadModel("box", { threads: 2 });
      const content = "The key is in the well. Rosa is a miller.\\nWhere is the key?";
      const { message } = await chat(model, [{ role: "user", content }], { temperature: 0 }).result();
      expect(message.content).toMatch("in the well");
      expect(model.info.threads).toBe(2);
      await model.dispose();
    });`,
  );
  await output(process.execPath, [jest as string, "--ci"], place, { NODE_OPTIONS: options });
});
