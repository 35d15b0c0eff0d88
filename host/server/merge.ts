/** The values of several generators as they come. If one fails or the reader leaves, all of them end. */
export async function* merge<T>(sources: readonly AsyncGenerator<T, void, void>[]): AsyncGenerator<T, void, void> {
  type Step = { source: AsyncGenerator<T, void, void>; result: IteratorResult<T, void> };
  const advance = async (source: AsyncGenerator<T, void, void>): Promise<Step> => ({
    source,
    result: await source.next(),
  });
  const pending = new Map(sources.map((source) => [source, advance(source)]));
  try {
    while (pending.size > 0) {
      const { source, result } = await Promise.race(pending.values());
      if (result.done) pending.delete(source);
      else {
        pending.set(source, advance(source));
        yield result.value;
      }
    }
  } finally {
    for (const step of pending.values()) step.catch(() => {}); // the first failure has already been thrown
    await Promise.allSettled(sources.map((source) => source.return()));
  }
}
