/** Let a page's threads share memory: the page and the code of its threads have to come with them. */
export const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
