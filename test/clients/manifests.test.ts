/** The manifests of deploy/, by the tools that check such files. nginx.conf is run by test/machines/. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { runProgram } from "../support/cli-program.ts";
import { missing } from "../support/missing.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const DEPLOY = join(HERE, "../../deploy");
const skip = missing(
  existsSync(join(HERE, "node_modules/yaml/package.json")),
  "the checkers are not installed: npm run clients:install",
);
const load = createRequire(import.meta.url);
const read = (name: string) => readFileSync(join(DEPLOY, name), "utf8");

// biome-ignore lint/suspicious/noExplicitAny: documents of YAML
type Yaml = any;

function kubernetes(): Yaml[] {
  const { parseAllDocuments } = load("yaml");
  return parseAllDocuments(read("kubernetes.yaml")).map((document: Yaml) => {
    assert.deepEqual([document.errors, document.warnings], [[], []]);
    return document.toJS();
  });
}

describe("deploy/", { skip }, () => {
  test("Dockerfile: dockerfile-utils finds nothing", () => {
    assert.deepEqual(load("dockerfile-utils").validate(read("Dockerfile")), []);
  });

  test("compose.yaml: dclint finds no error", async () => {
    const program = join(HERE, "node_modules/dclint/bin/dclint.cjs");
    const args = [program, "--quiet", "--formatter", "json", join(DEPLOY, "compose.yaml")];
    const { stdout } = await promisify(execFile)(process.execPath, args).catch((error) => error);
    const found = JSON.parse(stdout).flatMap(({ messages }: Yaml) => messages);
    assert.deepEqual(found, []);
  });

  test("kubernetes.yaml: every object has the shape of its kind", async () => {
    const objects = kubernetes();
    assert.equal(objects.length, 5);
    for (const object of objects) {
      const { [object.kind]: Model } = await import(`kubernetes-models/${object.apiVersion}`);
      new Model(object).validate();
      assert.throws(() => new Model({ ...object, metadata: 7 }).validate());
    }
  });

  test("kubernetes.yaml: a replica asks for the memory that the model takes", async () => {
    const { stdout } = await runProgram(["inspect", "--memory", "--json"], HERE);
    const models: { name: string; session: number; weights: { int8: { total: number } } }[] = JSON.parse(stdout);
    const { weights, session } = models.find(({ name }) => name === "RWKV-7 1.5B")!;
    const [sessions, prefixCache, node] = [16, 256, 150];
    const needed = (weights.int8.total + sessions * session) / 1e6 + prefixCache + node;
    const [{ spec }] = kubernetes();
    const { requests } = spec.template.spec.containers[0].resources;
    const asked = Number(/^(\d+)Mi$/.exec(requests.memory)![1]) * 1.048576;
    assert.ok(asked >= needed && asked < 1.2 * needed, `${asked} MB for ${needed}`);
  });
});
