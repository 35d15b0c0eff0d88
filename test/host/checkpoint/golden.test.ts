import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { assertSame, readGolden } from "../../support/checkpoint-checks.ts";
import { goldenFolder, missingGolden } from "../../support/missing.ts";
import { transposed, values } from "../../support/tensor-values.ts";

const skip = missingGolden();

for (const quirk of ["q7.legacy.pth", "q7.parameter.pth", "q7.wrapped.pth", "q7.views.pth", "q7.unaligned.safetensors"])
  test(`quirks/${quirk} holds what the plain zip holds`, { skip }, async () => {
    const plain = await readGolden("synth/quirks/q7.zip.pth");
    assertSame(await readGolden(`synth/quirks/${quirk}`), plain.values());
  });

for (const stem of ["synth/s4.bf16", "synth/s52.bf16", "synth/s6.bf16", "synth/s7.bf16", "reverse/reverse-rwkv7.f32"])
  test(`${stem}: .safetensors and .pth agree`, { skip }, async () => {
    assertSame(await readGolden(`${stem}.safetensors`), (await readGolden(`${stem}.pth`)).values());
  });

for (const [renamed, plain] of [
  ["q6.webrwkv.st", "q6.pth"],
  ["q7.webrwkv.st", "q7.zip.pth"],
] as const)
  test(`quirks/${renamed} holds the values of ${plain}, renamed and transposed`, { skip }, async () => {
    const actual = await readGolden(`synth/quirks/${renamed}`);
    const expected = await readGolden(`synth/quirks/${plain}`);
    assert.equal(actual.size, expected.size);
    for (const sample of expected.values()) {
      const twin = actual.get(
        sample.name.replace("time_faaaa", "time_first").replace("time_maa", "time_mix").toLowerCase(),
      )!;
      const published = /\.(time_(mix|maa|decay)_)?[wagv][12]$/.test(sample.name) ? transposed(sample) : sample;
      const wanted = values(published);
      const found = values(twin);
      assert.equal(found.length, wanted.length);
      // web-rwkv's files are float16: half a unit in the last of 11 bits, and its smallest step near zero.
      for (let i = 0; i < wanted.length; i++)
        assert.ok(Math.abs(found[i]! - wanted[i]!) <= Math.abs(wanted[i]!) / 2048 + 2 ** -25, `${sample.name}[${i}]`);
    }
  });

test("every rwkv.cpp model opens, with the names and shapes of its FP32 twin", { skip }, async (t) => {
  const files = readdirSync(resolve(goldenFolder, "tiny")).filter((name) => /^tiny-.*\.bin$/.test(name));
  assert.ok(files.length > 0);
  for (const file of files)
    await t.test(file, async () => {
      const found = await readGolden(`tiny/${file}`);
      const whole = await readGolden(`tiny/${file.replace(/(FP16|Q\d_\d)\.bin$/, "FP32.bin")}`);
      assert.deepEqual([...found.keys()], [...whole.keys()]);
      for (const [name, { shape }] of whole) assert.deepEqual(found.get(name)!.shape, shape, name);
    });
});
