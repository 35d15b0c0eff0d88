// A lockfile that lacks a package of some platform installs only while the registry does not know that package either.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

interface Entry {
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

for (const file of [
  "package-lock.json",
  "test/runtimes/package-lock.json",
  "tools/api/package-lock.json",
  "web/package-lock.json",
]) {
  test(`${file} holds every package that another one asks for, on every platform`, () => {
    const { packages } = JSON.parse(readFileSync(file, "utf8")) as { packages: Record<string, Entry> };
    const missing = Object.entries(packages).flatMap(([path, entry]) =>
      Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })
        .filter((name) => !candidates(path, name).some((candidate) => candidate in packages))
        .map((name) => `${name}, asked for by ${path || "the project"}`),
    );
    assert.deepEqual(missing, []);
  });
}

/** Where node looks for `name` from the package at `path`: in its own folder, then in each one above. */
function candidates(path: string, name: string): string[] {
  const inside = `${path ? `${path}/` : ""}node_modules/${name}`;
  if (!path) return [inside];
  return [inside, ...candidates(path.replace(/(^|\/)node_modules\/(?!.*\/node_modules\/).*$/, ""), name)];
}
