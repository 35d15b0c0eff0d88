// Published models that `wkv pull` knows by name. Addresses and files are as their publishers and users write them.

export interface CataloguedModel {
  readonly name: string;
  /** An address that `loadModel` takes. */
  readonly source: string;
  /** The name of its shape in the table of published models. */
  readonly shape: string;
  /** Of the file that is downloaded, by its number format: BF16 and F16 have 16, Q8_0 has 8.5. */
  readonly bitsPerWeight: number;
  /** What it is good for. */
  readonly use: string;
  /** Whether wkv was seen to run the published file. */
  readonly verified: boolean;
}

/** None is verified: the machine on which wkv is developed cannot fetch them. */
export const CATALOGUE: readonly CataloguedModel[] = [
  {
    name: "rwkv7-g1-0.1b",
    source: "hf:zhiyuan8/RWKV-v7-0.1B-G1-GGUF",
    shape: "RWKV-7 0.1B",
    bitsPerWeight: 16,
    use: "trying things out; phones and small servers",
    verified: false,
  },
  {
    name: "rwkv7-g1d-0.1b",
    source: "hf:BlinkDL/rwkv7-g1/rwkv7-g1d-0.1b-20260129-ctx8192.pth",
    shape: "RWKV-7 0.1B",
    bitsPerWeight: 16,
    use: "the same, newer, from the authors",
    verified: false,
  },
  {
    name: "rwkv7-g1-0.4b",
    source: "hf:zhiyuan8/RWKV-v7-0.4B-G1-GGUF",
    shape: "RWKV-7 0.4B",
    bitsPerWeight: 16,
    use: "short answers, summaries, classification",
    verified: false,
  },
  {
    name: "rwkv7-g1a-0.4b",
    source: "hf:BlinkDL/rwkv7-g1/rwkv7-g1a-0.4b-20250905-ctx4096.pth",
    shape: "RWKV-7 0.4B",
    bitsPerWeight: 16,
    use: "the same, newer, from the authors",
    verified: false,
  },
  {
    name: "rwkv7-g1l-1.5b",
    source: "hf:shoumenchougou/RWKV7-G1l-1.5B-GGUF:Q8_0",
    shape: "RWKV-7 1.5B",
    bitsPerWeight: 8.5,
    use: "chat and tools on a desktop",
    verified: false,
  },
  {
    name: "rwkv7-g1-2.9b",
    source: "hf:BlinkDL/rwkv7-g1/rwkv7-g1-2.9b-20250519-ctx4096.pth",
    shape: "RWKV-7 2.9B",
    bitsPerWeight: 16,
    use: "the best answers that fit into WebAssembly's 4 GiB",
    verified: false,
  },
];

/** @returns undefined for any other name */
export function catalogued(name: string): CataloguedModel | undefined {
  return CATALOGUE.find((model) => model.name === name);
}

/** The address behind a model's name; anything else is as it was. */
export function sourceOf<T>(argument: T): T | string {
  return typeof argument === "string" ? (catalogued(argument)?.source ?? argument) : argument;
}
