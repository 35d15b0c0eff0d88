/** A target that is no file is refused and stays what it is: renaming a file over a device would replace the device. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { saveFile } from "../../../host/source/disk/write.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const folder = tempFolder("target");

async function assertRefused(name: string, message: RegExp): Promise<void> {
  const path = join(folder, name);
  const before = lstatSync(path).mode;
  await assert.rejects(saveFile(path, [new Uint8Array(10)], 10), { name: "WkvError", code: "not-saved", message });
  assert.equal(lstatSync(path).mode, before);
  assert.deepEqual(
    readdirSync(folder).filter((each) => each.endsWith(".tmp")),
    [],
  );
}

test("a directory", async () => {
  mkdirSync(join(folder, "directory"));
  await assertRefused("directory", /directory is a directory; only regular files are written/);
});

test("a pipe, and a link to it", async () => {
  execFileSync("mkfifo", [join(folder, "pipe")]);
  symlinkSync(join(folder, "pipe"), join(folder, "link"));
  await assertRefused("pipe", /pipe is a pipe/);
  await assertRefused("link", /link is a pipe/);
});

test("a link that leads to no file yet stays a link", async () => {
  symlinkSync("later", join(folder, "dangling"));
  await saveFile(join(folder, "dangling"), [new Uint8Array(10)], 10);
  assert.ok(lstatSync(join(folder, "dangling")).isSymbolicLink());
  assert.equal(lstatSync(join(folder, "later")).size, 10);
});

test("a socket", async (t) => {
  const server = createServer();
  await new Promise<void>((done) => server.listen(join(folder, "socket"), done));
  t.after(() => server.close());
  await assertRefused("socket", /socket is a socket/);
});

const isRoot = process.getuid?.() === 0;
test("a device", { skip: !isRoot && "only root can make one" }, async (t) => {
  try {
    execFileSync("mknod", ["-m", "666", join(folder, "null"), "c", "1", "3"], { stdio: "ignore" });
  } catch {
    return t.skip("no devices can be made here");
  }
  await assertRefused("null", /null is a device/);
});
