/** Which build of the module runs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import binaryen from "binaryen";
import { PROBE, relaxedDotHere } from "../../../host/engine/simd.ts";
import { load, SMALL } from "../../support/models.ts";

const TEXT = `(module
  (memory (export "memory") 1)
  (func (export "dot") (param $end i32) (local $at i32)
    (loop $next
      (v128.store offset=12288 (local.get $at)
        (i32x4.relaxed_dot_i8x16_i7x16_add_s
          (v128.load (local.get $at))
          (v128.load offset=4096 (local.get $at))
          (v128.load offset=8192 (local.get $at))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end)))))
  (func (export "pairs") (param $end i32) (local $at i32)
    (loop $next
      (v128.store offset=12288 (local.get $at)
        (i16x8.relaxed_dot_i8x16_i7x16_s (v128.load (local.get $at)) (v128.load offset=4096 (local.get $at))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end)))))
  (func (export "relaxedChain") (param $turns i32) (local $r v128) (local $b v128)
    (local.set $b (v128.load offset=4096 (i32.const 0)))
    (loop $next
      (local.set $r (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get $r) (local.get $b) (local.get $b)))
      (local.set $r (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get $r) (local.get $b) (local.get $b)))
      (local.set $r (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get $r) (local.get $b) (local.get $b)))
      (local.set $r (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get $r) (local.get $b) (local.get $b)))
      (br_if $next (local.tee $turns (i32.sub (local.get $turns) (i32.const 1)))))
    (v128.store offset=12288 (i32.const 0) (local.get $r)))
  (func (export "pairsChain") (param $turns i32) (local $r v128) (local $b v128)
    (local.set $b (v128.load offset=4096 (i32.const 0)))
    (loop $next
      (local.set $r (i16x8.relaxed_dot_i8x16_i7x16_s (local.get $r) (local.get $b)))
      (local.set $r (i16x8.relaxed_dot_i8x16_i7x16_s (local.get $r) (local.get $b)))
      (local.set $r (i16x8.relaxed_dot_i8x16_i7x16_s (local.get $r) (local.get $b)))
      (local.set $r (i16x8.relaxed_dot_i8x16_i7x16_s (local.get $r) (local.get $b)))
      (br_if $next (local.tee $turns (i32.sub (local.get $turns) (i32.const 1)))))
    (v128.store offset=12288 (i32.const 0) (local.get $r)))
  (func (export "plainChain") (param $turns i32) (local $r v128) (local $b v128)
    (local.set $b (v128.load offset=4096 (i32.const 0)))
    (loop $next
      (local.set $r (i32x4.dot_i16x8_s (local.get $r) (local.get $b)))
      (local.set $r (i32x4.dot_i16x8_s (local.get $r) (local.get $b)))
      (local.set $r (i32x4.dot_i16x8_s (local.get $r) (local.get $b)))
      (local.set $r (i32x4.dot_i16x8_s (local.get $r) (local.get $b)))
      (br_if $next (local.tee $turns (i32.sub (local.get $turns) (i32.const 1)))))
    (v128.store offset=12288 (i32.const 0) (local.get $r))))`;

const major = Number.parseInt(process.versions.node, 10);

test("the probe is its text", () => {
  const module = binaryen.parseText(TEXT);
  module.setFeatures(binaryen.Features.All);
  assert.equal(Buffer.from(module.emitBinary()).toString("base64"), PROBE);
});

test("relaxed SIMD works from Node 22 on, and counts as missing before", async () => {
  assert.equal((await relaxedDotHere()) !== undefined, major >= 22);
});

test("without a word, relaxed SIMD runs where a dot product of it is one instruction", async () => {
  const found = await relaxedDotHere();
  await using model = await load(SMALL);
  const { simd, relaxedDot } = model.info;
  const expected = found?.pays ? ["relaxed", found.kind] : ["plain", undefined];
  assert.deepEqual([simd, relaxedDot], expected);
});

test("a build can be asked for", async () => {
  await using model = await load(SMALL, { simd: "plain" });
  assert.deepEqual([model.info.simd, model.info.relaxedDot], ["plain", undefined]);
  if (major < 22)
    await assert.rejects(load(SMALL, { simd: "relaxed" }), { code: "engine", message: /no relaxed SIMD/ });
  else await (await load(SMALL, { simd: "relaxed" })).dispose();
});

test("another word is refused", async () => {
  await assert.rejects(load(SMALL, { simd: "fast" as "plain" }), /^RangeError: "simd" expected/);
});
