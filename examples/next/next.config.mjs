// npm install wkv next react react-dom
// mkdir -p public && cp node_modules/wkv/models/box/box.gguf public/
// npx next build && npx next start
const headers = [
  { key: "Cross-Origin-Opener-Policy", value: "same-origin" },
  { key: "Cross-Origin-Embedder-Policy", value: "require-corp" },
];

export default {
  serverExternalPackages: ["wkv"], // on the server wkv finds its modules and threads beside its own code
  headers: async () => [{ source: "/:path*", headers }], // let the page's threads share memory
};
