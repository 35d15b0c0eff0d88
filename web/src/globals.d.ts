declare module "*?url" {
  const url: string;
  export default url;
}

/** Size of the bundled model's file; the build reads it. */
declare const __BOX_BYTES__: number;
