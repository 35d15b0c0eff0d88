/** All items of a stream. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The text of a stream of pieces. */
export async function textOf(pieces: AsyncIterable<{ text: string }>): Promise<string> {
  return (await collect(pieces)).map(({ text }) => text).join("");
}
