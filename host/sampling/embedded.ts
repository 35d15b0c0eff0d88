import { SAMPLE_WASM } from "../../build/sample.ts";

/** Compiles the sampler's module, which is so small that every browser does that at once. @throws where none may be */
export function sampleModule(): WebAssembly.Module {
  return new WebAssembly.Module(Uint8Array.from(atob(SAMPLE_WASM), (letter) => letter.charCodeAt(0)));
}
