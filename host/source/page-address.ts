/** The base of relative addresses in a page; undefined outside pages. */
export function pageAddress(): string | undefined {
  return (globalThis as { location?: { href: string } }).location?.href;
}
