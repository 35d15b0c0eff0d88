// Which SIMD is available: the only file that asks. Branches on RELAXED fold away.
import { DOT_PAIRS, DOT_UNSIGNED } from "./abi";

/** The build with relaxed SIMD. */
export const RELAXED: bool = ASC_FEATURE_RELAXED_SIMD;

/** DOT_...: the relaxed dot product of four bytes on this machine, measured by the host. */
let kind: i32 = DOT_PAIRS;

export function setDot(to: i32): void {
  kind = to;
}

/** Four products and their sum are one instruction, exact for all 8 bits of the second operand. */
// @ts-ignore: decorator
@inline
export function fused(): bool {
  return RELAXED && kind != DOT_PAIRS;
}

/** The second operand is unsigned. */
// @ts-ignore: decorator
@inline
export function unsigned(): bool {
  return kind == DOT_UNSIGNED;
}
