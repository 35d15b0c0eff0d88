// npm install wkv && npm install -D @sveltejs/kit @sveltejs/adapter-node @sveltejs/vite-plugin-svelte svelte vite
// npx vite build && node server.js
import adapter from "@sveltejs/adapter-node";
import { sveltekit } from "@sveltejs/kit/vite";
import { headers } from "./headers.js";

export default { plugins: [sveltekit({ adapter: adapter() })], server: { headers } };
