declare module "*?url" {
  const url: string;
  export default url;
}

/** Sizes of the bundled models' files; the build reads them. */
declare const __FAIRY_BYTES__: number;
declare const __BOX_BYTES__: number;
