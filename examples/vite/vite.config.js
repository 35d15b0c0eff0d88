export default {
  // wkv finds its worker and its modules beside its own code, so the development server must leave that in place.
  optimizeDeps: { exclude: ["wkv"] },
  // main.js waits for the model at the top level.
  build: { target: "es2022" },
  worker: { format: "es" },
  server: {
    headers: { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" },
  },
  preview: {
    headers: { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" },
  },
};
