import { SAMPLE_WASM } from "../../build/sample.ts";

/**
 * Compiles the sampler's module, which is small enough for every browser to compile synchronously. @throws if
 * compilation is forbidden
 */
export function sampleModule(): WebAssembly.Module {
  return new WebAssembly.Module(Uint8Array.from(atob(SAMPLE_WASM), (letter) => letter.charCodeAt(0)));
}
