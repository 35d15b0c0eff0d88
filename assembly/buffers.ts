// Activation buffers, imported as buf: f32 rows, one for each token of the batch.

/** The residual stream. */
export const X = 0;
/** Layer-normed rows: what the next token's shift sees. */
export const NORMED = 1;
/** Inputs of the products: mixtures of each row and the row before. */
export const XR = 2;
export const XK = 3;
export const XV = 4;
export const XG = 5;
export const XW = 6;
export const XA = 7;
/** Receptance: of the time mixing, then the gate of RWKV-4 to 6's channel mixing. */
export const R = 8;
export const K = 9;
export const V = 10;
export const G = 11;
export const W = 12;
export const A = 13;
/** v of layer 0, which later layers of RWKV-7 mix in. */
export const V_FIRST = 14;
/** Result of the recurrence, input of att.output. */
export const Y = 15;
/** Hidden values of the channel mixing. */
export const HIDDEN = 16;
/** Hidden values of the low-rank products. */
export const LORA_W = 17;
export const LORA_A = 18;
export const LORA_V = 19;
export const LORA_G = 20;
/** Normed rows whose logits are wanted, and their logits. */
export const HEAD_IN = 21;
export const LOGITS = 22;
export const COUNT = 23;
