/** A file of the test's server, whole. */
export async function content(url) {
  return (await fetch(url)).arrayBuffer();
}

/** The same, read piece by piece. */
export async function remote(url) {
  const { headers } = await fetch(url, { method: "HEAD" });
  return {
    size: Number(headers.get("x-size")),
    async read(offset, length) {
      const response = await fetch(url, { headers: { range: `bytes=${offset}-${offset + length - 1}` } });
      return new Uint8Array(await response.arrayBuffer());
    },
  };
}
