/** What the documents of the package link to is in the package, so links work on npm and in node_modules. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PACKED: string[] = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).files;
const DOCUMENTS = [
  ...readdirSync(ROOT).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`),
].filter((path) => path.endsWith(".md"));

/** The files that a document links to or shows, relative to the root; addresses and places in the document are left out. */
function linksOf(document: string): string[] {
  const text = readFileSync(join(ROOT, document), "utf8").replace(/^```.*?^```/gms, "");
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target as string)
    .filter((target) => !/^(?:https?:|#)/.test(target))
    .map((target) => normalize(join(dirname(document), target.replace(/#.*/, ""))));
}

for (const document of DOCUMENTS)
  test(`${document} links to files that are there, and packed`, () => {
    assert.ok(
      PACKED.some((packed) => document === packed || document.startsWith(`${packed}/`)),
      "it is not packed itself",
    );
    for (const target of linksOf(document)) {
      assert.ok(existsSync(join(ROOT, target)), `${target} is not there`);
      const isPacked =
        target === "LICENSE" || PACKED.some((packed) => target === packed || target.startsWith(`${packed}/`));
      assert.ok(isPacked, `${target} is not in the package`);
    }
  });

test("the README has links", () => assert.ok(linksOf("README.md").length > 10));
