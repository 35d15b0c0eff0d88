// Runs the kernel specs (test/kernels/*.spec.ts): `npx asp --summary`. How they are compiled: as-pect.asconfig.json,
// or with `--as-config as-pect.relaxed.asconfig.json` as the relaxed build.
export default {
  entries: ["test/kernels/*.spec.ts"],
  include: ["node_modules/@as-pect/assembly/assembly/index.ts"],
  // The memory that as-pect brings is unshared; the kernels' atomics want the kind that the engine runs on.
  instantiate(_memory, createImports, instantiate, binary) {
    const memory = new WebAssembly.Memory({ initial: 64, maximum: 65536, shared: true });
    return instantiate(binary, createImports({ env: { memory, now: () => performance.now() } }));
  },
};
