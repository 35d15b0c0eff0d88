/** Fetches hf:org/repo of a hub into a cache, in a process of its own, and prints the path. */
import { WkvError } from "../../host/errors.ts";
import { fetchModel } from "../../host/source/net/fetch-model.ts";

const [endpoint, cacheDir] = process.argv.slice(2);
const download = { chunkBytes: 64 * 1024, connections: 3 };
try {
  const file = await fetchModel("hf:org/repo", { cacheDir, hub: { endpoint }, download });
  process.stdout.write(file.name);
  await file.close();
} catch (error) {
  process.stderr.write(error instanceof WkvError ? `${error.code}: ${error.message}` : String(error));
  process.exitCode = 1;
}
