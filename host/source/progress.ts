/** Progress of a download or of loading, in bytes. */
export interface Progress {
  /** Missing while weights are read. */
  phase?: "download" | "check";
  loaded: number;
  /** Infinity if the server does not give the size. */
  total: number;
  /** Downloads only: speed over the last few seconds in bytes per second, and the time left at that speed. */
  bytesPerSecond?: number;
  secondsLeft?: number;
}

export interface LoadControl {
  onProgress?: ((progress: Progress) => void) | undefined;
  signal?: AbortSignal | undefined;
}
