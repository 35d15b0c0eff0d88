import module from "./sample.wasm";

/** Where nothing may be compiled, the module comes with the program. */
export function sampleModule(): WebAssembly.Module {
  return module;
}
