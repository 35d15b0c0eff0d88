import module from "./sample.wasm";

/** Where compilation is forbidden, the module is part of the program. */
export function sampleModule(): WebAssembly.Module {
  return module;
}
