// llama.cpp for test/host/convert, where `npm run bench:peers` has it too: `npm run clients:install`.
import { fileURLToPath } from "node:url";
import { installLlama } from "../test/bench/peers/packages.ts";

installLlama(fileURLToPath(new URL("../.wkv-cache/peers", import.meta.url)));
