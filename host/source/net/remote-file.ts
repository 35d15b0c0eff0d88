/** A file to fetch, and what is known about it in advance. */
export interface RemoteFile {
  /** Path in its folder. */
  readonly path: string;
  readonly url: URL;
  readonly size?: number | undefined;
  readonly sha256?: string | undefined;
  readonly token?: string | undefined;
}
