/** Node, Deno and Bun only. */

/** Larger files beside a model are something else. */
const MAX_BYTES = 1 << 20;

/**
 * The Jinja template that lies beside a model of Hugging Face: `chat_template.jinja`, or in `tokenizer_config.json`.
 * @returns undefined when there is none, or none that can be read
 */
export async function templateBeside(modelPath: string): Promise<string | undefined> {
  const { dirname, join } = await import("node:path");
  const folder = dirname(modelPath);
  const template = await readSmall(join(folder, "chat_template.jinja"));
  return template ?? templateIn(await readSmall(join(folder, "tokenizer_config.json")));
}

/** The template in a tokenizer_config.json. */
export function templateIn(json: string | undefined): string | undefined {
  try {
    const { chat_template: template } = JSON.parse(json ?? "{}") ?? {};
    return typeof template === "string" ? template : undefined;
  } catch {
    return undefined;
  }
}

async function readSmall(path: string): Promise<string | undefined> {
  const { readFile, stat } = await import("node:fs/promises");
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() && found.size <= MAX_BYTES ? readFile(path, "utf8").catch(() => undefined) : undefined;
}
