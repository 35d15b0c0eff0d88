/** What llama.cpp calls the tensors of one version. */
export interface GgufScheme {
  /** Published names of parameters, which have no ending there and `.weight` in a GGUF. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Published names of the mixing vectors, in their order in `time_mix_lerp_fused`. */
  readonly fused: readonly string[];
}

/** By what a file says of its architecture. */
export const SCHEMES = new Map<string, GgufScheme>([
  [
    "rwkv6",
    {
      parameters: new Map([
        ["time_mix_lerp_x", "att.time_maa_x"],
        // One by one before llama.cpp fused them.
        ["time_mix_lerp_w", "att.time_maa_w"],
        ["time_mix_lerp_k", "att.time_maa_k"],
        ["time_mix_lerp_v", "att.time_maa_v"],
        ["time_mix_lerp_r", "att.time_maa_r"],
        ["time_mix_lerp_g", "att.time_maa_g"],
        ["time_mix_w1", "att.time_maa_w1"],
        ["time_mix_w2", "att.time_maa_w2"],
        ["time_mix_decay", "att.time_decay"],
        ["time_mix_decay_w1", "att.time_decay_w1"],
        ["time_mix_decay_w2", "att.time_decay_w2"],
        ["time_mix_first", "att.time_faaaa"],
        ["channel_mix_lerp_k", "ffn.time_maa_k"],
        ["channel_mix_lerp_r", "ffn.time_maa_r"],
      ]),
      fused: Array.from("wkvrg", (letter) => `att.time_maa_${letter}`),
    },
  ],
  [
    "rwkv7",
    {
      parameters: new Map([
        ...["w0", "w1", "w2", "a0", "a1", "a2", "v0", "v1", "v2", "g1", "g2", "k_k", "k_a", "r_k"].map(
          (name) => [`time_mix_${name}`, `att.${name}`] as const,
        ),
        ["channel_mix_lerp_k", "ffn.x_k"],
      ]),
      fused: Array.from("rwkvag", (letter) => `att.x_${letter}`),
    },
  ],
]);

/** Published names of matrices and norms, whose `.weight` and `.bias` are the same in a GGUF. */
export const MODULES = new Map([
  ["token_embd", "emb"],
  ["token_embd_norm", "blocks.0.ln0"],
  ["output_norm", "ln_out"],
  ["output", "head"],
  ["attn_norm", "ln1"],
  ["attn_norm_2", "ln2"],
  ["time_mix_ln", "att.ln_x"],
  ["time_mix_receptance", "att.receptance"],
  ["time_mix_key", "att.key"],
  ["time_mix_value", "att.value"],
  ["time_mix_gate", "att.gate"],
  ["time_mix_output", "att.output"],
  ["channel_mix_receptance", "ffn.receptance"],
  ["channel_mix_key", "ffn.key"],
  ["channel_mix_value", "ffn.value"],
]);

/** Published name of a tensor, without `blocks.N.`, to the name in a GGUF, without `blk.N.`. */
export function ggufNames({ parameters }: GgufScheme): ReadonlyMap<string, string> {
  const modules = [...MODULES].flatMap(([name, module]) =>
    ["weight", "bias"].map((ending) => [`${module}.${ending}`, `${name}.${ending}`] as const),
  );
  return new Map([...modules, ...[...parameters].map(([name, parameter]) => [parameter, `${name}.weight`] as const)]);
}
