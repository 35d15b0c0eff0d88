/** docs/speed.md keeps every processor's section when one is measured again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { pictureOf, withSection } from "../../bench/peers/page.ts";

test("a processor's section replaces the one before it, and no other", () => {
  const one = withSection(undefined, "A", "## A\n\nfirst");
  const two = withSection(one, "A B", "## A B\n\n### Tokens\n\nsecond");
  assert.match(two, /^# Speed\n[\s\S]*\n\n## A\n\nfirst\n\n## A B\n\n### Tokens\n\nsecond\n$/);
  const again = withSection(two, "A", "## A\n\nthird");
  assert.equal(again, two.replace("first", "third"));
});

test("a chart's file is named after the processor", () => {
  assert.equal(
    pictureOf("Intel Xeon (Sapphire Rapids class), 2 cores"),
    "speed-intel-xeon-sapphire-rapids-class-2-cores.svg",
  );
});
