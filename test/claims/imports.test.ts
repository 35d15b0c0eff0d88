// host/ is rooms whose imports go one way: no circle of files or rooms, no upward import, no file outside a room.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { circles, importsOf, readGraph, roomless, roomsOf, upward } from "../support/imports.ts";

const graph = readGraph();

describe("imports of host/", () => {
  test("are found", () => {
    assert.ok(graph.size > 200);
    assert.ok(graph.get("index.ts")!.length > 10);
    const source = `import { a } from "./a.ts";
import type {
  B,
} from "../b/b.ts";
export * from "./c.ts";
import "./d.ts";
const e = await import("./e.ts");
type F = import("./f.ts").F;
import { files } from "#files";
import fs from "node:fs";
`;
    const expected = ["x/a.ts", "b/b.ts", "x/c.ts", "x/d.ts", "x/e.ts", "x/f.ts", "source/disk/none.ts"];
    assert.deepEqual(importsOf("x/y.ts", source), expected);
  });

  const rules: Record<string, string[]> = {
    "make no circle of files": circles(graph),
    "make no circle of rooms": circles(roomsOf(graph)),
    "go down only": upward(graph),
    "start in rooms, index.ts or errors.ts": roomless(graph),
  };
  for (const [rule, found] of Object.entries(rules)) {
    test(rule, () => {
      assert.deepEqual(found, []);
    });
  }
});

describe("the rules", () => {
  const broken = (edges: Record<string, string[]>) => new Map(Object.entries(edges));

  test("see a circle of files", () => {
    const files = broken({ "chat/a.ts": ["chat/b.ts"], "chat/b.ts": ["chat/c.ts"], "chat/c.ts": ["chat/a.ts"] });
    assert.deepEqual(circles(files), ["chat/a.ts ↔ chat/b.ts ↔ chat/c.ts"]);
    assert.deepEqual(circles(broken({ "chat/a.ts": ["chat/a.ts"] })), ["chat/a.ts"]);
    assert.deepEqual(circles(broken({ "chat/a.ts": ["chat/b.ts"], "chat/b.ts": [] })), []);
  });

  test("see a circle of rooms whose files make none", () => {
    const files = broken({ "state/a.ts": ["prompt/b.ts"], "prompt/b.ts": [], "prompt/c.ts": ["state/a.ts"] });
    assert.deepEqual(circles(files), []);
    assert.deepEqual(circles(roomsOf(files)), ["prompt ↔ state"]);
  });

  test("see an upward import, an unknown room and a file outside the rooms", () => {
    assert.deepEqual(upward(broken({ "source/a.ts": ["model/b.ts"], "model/b.ts": ["source/a.ts"] })), [
      "source/a.ts → model/b.ts",
    ]);
    assert.deepEqual(upward(broken({ "attic/a.ts": [] })), ["attic/a.ts is in no room of LAYERS"]);
    assert.deepEqual(roomless(broken({ "util.ts": [], "errors.ts": [], "index.ts": [] })), ["util.ts"]);
  });
});
