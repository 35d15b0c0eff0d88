/** Saving to a file: whatever stops the program, there is the old state or the new one. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Model, WkvError } from "wkv";
import { syntheticModel } from "../../../host/cli/synthetic.ts";
import { load } from "../../support/models.ts";
import { random } from "../../support/random.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const KILLS = 13;
/** Files that a program saves to when it is killed. */
const FILES = 8;
/** A kill comes at any time in so many milliseconds after the first save: several saves. */
const WITHIN_MS = 40;

const folder = tempFolder("save");
let modelPath = "";
let model: Model;
before(async () => {
  modelPath = join(folder, "model.safetensors");
  // One head of the whole width, for a large state of a small model: 264 KB.
  await writeFile(modelPath, syntheticModel({ layers: 1, width: 256, headSize: 256, vocabSize: 16 }));
  model = await load(modelPath, { weights: "int8" });
});
after(() => model.dispose());

test(`kill -9 while it saves, ${KILLS * FILES} times, never loses a state`, async () => {
  const sessions = [model.createSession(), model.createSession()] as const;
  await sessions[0].feed([1, 2, 3]);
  await sessions[1].feed([4, 5, 6, 7]);
  const whole = await Promise.all(sessions.map(async (session) => Buffer.from(await session.save())));
  const next = random(3);
  const found = new Set<number>();
  const paths = Array.from({ length: FILES }, (_, i) => join(folder, `${i}.state`));
  for (let kill = 0; kill < KILLS; kill++) {
    await killWhileSaving(paths, next(WITHIN_MS));
    for (const path of paths) {
      const bytes = await readFile(path);
      const which = whole.findIndex((state) => state.equals(bytes));
      assert.notEqual(which, -1, `${bytes.length} bytes of neither state`);
      assert.deepEqual(model.createSession(bytes).warnings, []);
      found.add(which);
    }
  }
  assert.equal(found.size, 2, "kills came after both states");
  const left = (await readdir(folder)).filter((name) => name.endsWith(".tmp"));
  assert.ok(left.length > 0, "kills came while a file was being written");
});

async function killWhileSaving(paths: readonly string[], delay: number): Promise<void> {
  const program = fileURLToPath(new URL("../../support/save-forever.mjs", import.meta.url));
  const child = spawn(process.execPath, [program, modelPath, ...paths], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  await Promise.race([once(child.stdout, "data"), ended]);
  await new Promise((resolve) => setTimeout(resolve, delay));
  child.kill("SIGKILL");
  assert.deepEqual(await ended, [null, "SIGKILL"]);
}

test("a file that is there is replaced: its permissions stay, and a link stays a link", async () => {
  const [path, link] = [join(folder, "old.state"), join(folder, "link.state")];
  await writeFile(path, "old");
  await chmod(path, 0o600);
  await symlink(path, link);
  const session = model.createSession();
  await session.feed([1]);
  await session.saveFile(link);
  assert.ok((await lstat(link)).isSymbolicLink());
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(new Uint8Array(await readFile(path)), await session.save());
});

test("what cannot be written is a WkvError, leaves nothing behind, and the session goes on", async () => {
  const session = model.createSession();
  await session.feed([1]);
  const directory = join(folder, "directory.state");
  await mkdir(directory);
  for (const path of [join(folder, "nowhere", "x.state"), directory])
    await assert.rejects(session.saveFile(path), (error) => {
      assert.ok(error instanceof WkvError);
      assert.equal(error.code, "not-saved");
      assert.match(
        error.message,
        /cannot be written \(E\w+\): check the path|is a directory; only regular files are written/,
      );
      return true;
    });
  assert.ok((await stat(directory)).isDirectory());
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith("directory.state.")),
    [],
  );
  assert.equal((await session.feed([2])).length, 16);
});
