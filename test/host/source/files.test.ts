import assert from "node:assert/strict";
import { chmod, mkdtemp, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileSource } from "../../../host/source/disk/file.ts";
import { refused } from "../../support/refused.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const folder = tempFolder("files");

async function write(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

test("reads any part of a file, into shared memory too", async () => {
  const path = await write(
    "a",
    Uint8Array.from({ length: 1000 }, (_, i) => i),
  );
  const source = await fileSource(path);
  assert.deepEqual([source.name, source.size], [path, 1000]);
  for (const buffer of [new ArrayBuffer(64), new SharedArrayBuffer(64)]) {
    await source.read(new Uint8Array(buffer, 3, 7), 250);
    assert.deepEqual([...new Uint8Array(buffer, 2, 9)], [0, 250, 251, 252, 253, 254, 255, 0, 0]);
  }
  await source.read(new Uint8Array(0), 1000);
  await assert.rejects(source.read(new Uint8Array(2), 999), refused("bad-file", /ends at byte 1000/));
  await assert.rejects(source.read(new Uint8Array(2), -1), refused("bad-file", /truncated or damaged/));
  await source.close();
});

test("many reads at once", async () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i * 7);
  const source = await fileSource(await write("b", bytes));
  const targets = Array.from({ length: 50 }, () => new Uint8Array(2000));
  await Promise.all(targets.map((target, i) => source.read(target, 2000 * i)));
  targets.forEach((target, i) => {
    assert.deepEqual(target, bytes.slice(2000 * i, 2000 * (i + 1)));
  });
  await source.close();
});

test("says what is wrong with a path", async () => {
  await assert.rejects(fileSource(join(folder, "nowhere")), refused("not-found", /nowhere does not exist/));
  await assert.rejects(
    fileSource(join(await write("c", new Uint8Array(1)), "below")),
    refused("not-found", /does not exist/),
  );
  await assert.rejects(fileSource(folder), refused("bad-file", /is a directory: give the model file inside it/));
  await assert.rejects(fileSource(await write("d", new Uint8Array(0))), refused("bad-file", /is empty/));
});

test("a file without permission", { skip: process.getuid?.() === 0 && "root may read everything" }, async () => {
  const path = await write("e", new Uint8Array(1));
  await chmod(path, 0);
  await assert.rejects(fileSource(path), refused("bad-file", /is not readable: check the file's permissions/));
});

test("a file that shrinks while it is open, and a closed one", async () => {
  const path = await write("f", new Uint8Array(1000));
  const source = await fileSource(path);
  await truncate(path, 10);
  await assert.rejects(source.read(new Uint8Array(100), 0), refused("bad-file", /has shrunk/));
  await source.close();
  await assert.rejects(source.read(new Uint8Array(1), 0), refused("bad-file", /cannot be read/));
});

test("of a folder, the model file in it", async () => {
  const inFolder = async (...names: string[]) => {
    const path = await mkdtemp(join(folder, "model-"));
    for (const name of names) await writeFile(join(path, name), "x");
    return path;
  };
  const chosen: [names: string[], file: string][] = [
    [["a.pth", "vocab.txt", "config.json"], "a.pth"],
    [["a.pth", "optimizer.pt", "rng_state_0.pth", "training_args.bin"], "a.pth"],
    [["a.pth", "model.safetensors"], "model.safetensors"],
    [["model.safetensors.index.json", "model-00001-of-00002.safetensors"], "model.safetensors.index.json"],
    [["pytorch_model.bin", "a.gguf"], "pytorch_model.bin"],
    [["m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf"], "m-00001-of-00003.gguf"],
    [["m-00010-of-00011.gguf", "m-00001-of-00011.gguf"], "m-00001-of-00011.gguf"],
  ];
  for (const [names, file] of chosen) {
    const path = await inFolder(...names);
    const source = await fileSource(path);
    assert.equal(source.name, join(path, file));
    await source.close();
  }
  await assert.rejects(fileSource(await inFolder("b.pth", "a.pth")), refused("bad-file", /one of a\.pth, b\.pth/));
  await assert.rejects(fileSource(await inFolder("a.txt")), refused("bad-file", /no file in it looks like one/));
});

test("what lies beside a file is closed with it", async () => {
  await write("beside", Uint8Array.of(7));
  const source = await fileSource(await write("first", new Uint8Array(1)));
  const other = await source.beside!("beside");
  const byte = new Uint8Array(1);
  await other.read(byte, 0);
  assert.equal(byte[0], 7);
  await assert.rejects(source.beside!("nothing"), refused("not-found", /nothing does not exist/));
  await source.close();
  await assert.rejects(other.read(byte, 0), refused("bad-file", /cannot be read/));
});
