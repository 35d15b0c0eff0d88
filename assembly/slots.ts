// Where each tensor is in the model table, imported as W: `product(W.ATT_KEY, buf.XK, buf.K)`.

// ---- slots outside the layers ---------------------------------------------------------------------------------------
export const EMB = 0;
export const LN0_WEIGHT = 1;
export const LN0_BIAS = 2;
export const LN_OUT_WEIGHT = 3;
export const LN_OUT_BIAS = 4;
export const HEAD = 5;
export const GLOBAL_SLOTS = 6;

// ---- slots of a layer: common to all versions -----------------------------------------------------------------------
export const LN1_WEIGHT = 0;
export const LN1_BIAS = 1;
export const LN2_WEIGHT = 2;
export const LN2_BIAS = 3;
export const ATT_RECEPTANCE = 4;
export const ATT_KEY = 5;
export const ATT_VALUE = 6;
export const ATT_OUTPUT = 7;
export const FFN_KEY = 8;
export const FFN_VALUE = 9;
/** RWKV-4, 5, 6 */
export const FFN_RECEPTANCE = 10;
/** RWKV-5, 6, 7 */
export const LN_X_WEIGHT = 11;
export const LN_X_BIAS = 12;
/** RWKV-5.1 and later 5, 6 */
export const ATT_GATE = 13;
/** Share of the current token in each mixed vector, RWKV-4 and 5: x·mix + prev·(1 − mix). */
export const MIX_K = 14;
export const MIX_V = 15;
export const MIX_R = 16;
export const MIX_G = 17;
export const FFN_MIX_K = 18;
export const FFN_MIX_R = 19;
/** RWKV-4: −exp(time_decay); RWKV-5: exp(−exp(time_decay)) per channel; RWKV-6: time_decay as stored. */
export const DECAY = 20;
/** time_first or time_faaaa per channel: the bonus u. */
export const BONUS = 21;
// RWKV-6: share of the previous token; in the order of the checkpoint's time_maa_w1.
export const MAA_X = 22;
export const MAA_W = 23;
export const MAA_K = 24;
export const MAA_V = 25;
export const MAA_R = 26;
export const MAA_G = 27;
export const MAA_W1 = 28;
/** five matrices of time_maa_w2, for w, k, v, r, g */
export const MAA_W2_W = 29;
export const MAA_W2_K = 30;
export const MAA_W2_V = 31;
export const MAA_W2_R = 32;
export const MAA_W2_G = 33;
export const DECAY_W1 = 34;
export const DECAY_W2 = 35;
// RWKV-7
export const X_R = 14;
export const X_W = 15;
export const X_K = 16;
export const X_V = 17;
export const X_A = 18;
export const X_G = 19;
export const FFN_X_K = 20;
export const W0 = 21;
export const W1 = 22;
export const W2 = 23;
export const A0 = 24;
export const A1 = 25;
export const A2 = 26;
export const V0 = 27;
export const V1 = 28;
export const V2 = 29;
export const G1 = 30;
export const G2 = 31;
export const K_K = 32;
export const K_A = 33;
export const R_K = 10;
export const LAYER_SLOTS = 36;
