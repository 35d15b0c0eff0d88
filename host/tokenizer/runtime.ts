/** Whether there are files: Node, Deno and Bun, but no browser. */
export function hasFiles(): boolean {
  return Boolean(globalThis.process?.versions?.node);
}

/** What relative addresses in a page refer to. */
export function pageAddress(): string | undefined {
  return (globalThis as { location?: { href: string } }).location?.href;
}
