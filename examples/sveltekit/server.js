// SvelteKit's hooks do not see requests for files, so the headers are set here.
import { createServer } from "node:http";
import { handler } from "./build/handler.js";
import { headers } from "./headers.js";

createServer((request, response) => {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  handler(request, response);
}).listen(Number(process.env.PORT ?? 3000), "127.0.0.1");
