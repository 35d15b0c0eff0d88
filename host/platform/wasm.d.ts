/** How workerd imports WebAssembly. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
