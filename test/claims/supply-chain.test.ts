// What a user installs with wkv: packages with licences that anybody may use, none of which runs a script at installation, and a tarball
// that holds what is needed and nothing else. `npm sbom --omit dev --sbom-format cyclonedx` lists the packages in full.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import test from "node:test";

interface Entry {
  dev?: boolean;
  devOptional?: boolean;
  license?: string;
  hasInstallScript?: boolean;
  integrity?: string;
}

const FREE = /^(Apache-2\.0|MIT|ISC|BSD-[23]-Clause|0BSD|BlueOak-1\.0\.0)$/;
/** Everything in the tarball is one of these. */
const SHIPPED = [
  /^build\/[\w.-]+\.(js|js\.map|wasm)$/,
  /^build\/types\/[\w.-]+\.d\.ts$/,
  /^build\/LICENSES\.txt$/,
  /^(deploy|docs|examples)\//,
  /^models\//,
  /^web\/(README\.md|dist\/)/,
  /^web\/dist\/(assets\/[\w.-]+|[\w.-]+)$/,
  /^(README|ARCHITECTURE|CHANGELOG|CONTRIBUTING|SECURITY)\.md$/,
  /^(LICENSE|package\.json)$/,
];

const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8")) as { packages: Record<string, Entry> };
const installed = Object.entries(packages).filter(([path]) => path !== "" && !isForDevelopment(path));

/** Some that are bundled in such a package are not marked themselves. */
function isForDevelopment(path: string): boolean {
  const entry = packages[path];
  const outer = path.slice(0, path.lastIndexOf("/node_modules/"));
  return !!(entry?.dev || entry?.devOptional) || (path.includes("/node_modules/") && isForDevelopment(outer));
}

test("packages that come with wkv have free licences and run nothing at installation", () => {
  assert.ok(installed.length > 0);
  for (const [path, { license = "none", hasInstallScript, integrity }] of installed) {
    assert.match(license, FREE, path);
    assert.ok(!hasInstallScript, `${path} runs a script at installation`);
    assert.match(integrity ?? "", /^sha512-/, path);
  }
});

test("the tarball holds what is needed and nothing else", () => {
  const npm = process.env.npm_execpath;
  const args = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const printed = npm
    ? execFileSync(process.execPath, [npm, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
    : execFileSync("npm", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const [{ files }] = JSON.parse(printed) as [{ files: { path: string }[] }];
  const paths = files.map(({ path }) => path);
  assert.deepEqual(
    paths.filter((path) => !SHIPPED.some((allowed) => allowed.test(path))),
    [],
  );
  for (const path of ["build/index.js", "build/wkv.wasm", "build/cli.js", "build/types/index.d.ts", "LICENSE"])
    assert.ok(paths.includes(path), `${path} is missing`);
});
