/** A file to fetch, and what is known of it beforehand. */
export interface RemoteFile {
  /** Where it belongs in its folder. */
  readonly path: string;
  readonly url: URL;
  readonly size?: number | undefined;
  readonly sha256?: string | undefined;
  readonly token?: string | undefined;
}
