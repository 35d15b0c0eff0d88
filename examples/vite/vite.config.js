// wkv needs no settings; the two headers let threads share memory.
const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

export default { server: { headers }, preview: { headers } };
