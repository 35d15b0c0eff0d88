/** What relative addresses in a page refer to; undefined where there is no page. */
export function pageAddress(): string | undefined {
  return (globalThis as { location?: { href: string } }).location?.href;
}
