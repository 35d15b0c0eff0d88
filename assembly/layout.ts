// The model table as written by the host, and the addresses of everything in a forward pass.
import {
  BATCH_MAX_ROWS,
  BATCH_MAX_UNITS,
  BATCH_OWNERS,
  BATCH_SEGMENTS,
  BATCH_UNITS,
  SEGMENT_BYTES,
  SLOT_BYTES,
  TABLE,
  TABLE_BATCH,
  TABLE_BUFFERS,
  TABLE_GLOBALS,
  TABLE_GROUP_NORM_EPS,
  TABLE_HEAD_SIZE,
  TABLE_LAYER_STATE,
  TABLE_SCRATCH,
  TABLE_SCRATCH_BYTES,
  TABLE_SLOTS,
  TABLE_SLOTS_PER_LAYER,
  TABLE_STREAMS,
  TABLE_WIDTH,
  UNIT_ROWS,
} from "./abi";
import { self } from "./pool";

/** Values in a row of the residual stream; a multiple of UNIT_ROWS. */
export let width: i32 = 0;
/** Values per head; a multiple of 8. */
export let headSize: i32 = 0;
/** Heads that are claimed together, so that their rows are whole units of a packed matrix. */
export let groupHeads: i32 = 0;
export let groups: i32 = 0;
export let groupNormEps: f32 = 0;
/** This thread's scratch area. */
export let scratch: usize = 0;
/** Slots outside the layers, and of the current layer. */
export let globals: usize = 0;
export let slots: usize = 0;
let buffers: usize = 0;
let batch: usize = 0;
let layerState: usize = 0;

// @ts-ignore: decorator
@inline
export function table(word: i32): i32 {
  return load<i32>(<usize>TABLE + ((<usize>word) << 2));
}

/** Address of a thread's scratch area. */
export function scratchOf(thread: i32): usize {
  return <usize>table(TABLE_SCRATCH) + <usize>thread * scratchBytes();
}

/** Bytes of each. */
export function scratchBytes(): usize {
  return table(TABLE_SCRATCH_BYTES);
}

/** Loads the table's constants into this thread's globals. */
export function open(): void {
  width = table(TABLE_WIDTH);
  headSize = table(TABLE_HEAD_SIZE);
  groupHeads = 1;
  while ((groupHeads * headSize) % UNIT_ROWS) groupHeads++;
  groups = width / (headSize * groupHeads);
  groupNormEps = reinterpret<f32>(table(TABLE_GROUP_NORM_EPS));
  scratch = scratchOf(self);
  globals = table(TABLE_GLOBALS);
  buffers = table(TABLE_BUFFERS);
  batch = table(TABLE_BATCH);
}

/** Blocks of a matrix that one token takes in turn. The host may change it between commands. */
export function streams(): i32 {
  return table(TABLE_STREAMS);
}

/** Makes `layer` the current one. */
export function enter(layer: i32): void {
  slots = table(TABLE_SLOTS) + layer * table(TABLE_SLOTS_PER_LAYER) * SLOT_BYTES;
  layerState = layer * table(TABLE_LAYER_STATE);
}

/** Pointer to the values of a vector of the current layer; 0 if the model does not have it. */
// @ts-ignore: decorator
@inline
export function vector(slot: i32): usize {
  return load<usize>(slots + <usize>slot * SLOT_BYTES);
}

/** The same for a vector outside the layers. */
// @ts-ignore: decorator
@inline
export function globalVector(slot: i32): usize {
  return load<usize>(globals + <usize>slot * SLOT_BYTES);
}

/** Row `t` of an activation buffer. */
// @ts-ignore: decorator
@inline
export function row(buffer: i32, t: i32): usize {
  if (!ASC_NO_ASSERT) assert(t >= 0 && t < BATCH_MAX_ROWS, "row outside the batch");
  const at = buffers + ((<usize>buffer) << 4);
  return load<usize>(at) + <usize>t * load<usize>(at, 4);
}

/** Bytes between the rows of an activation buffer. */
// @ts-ignore: decorator
@inline
export function stride(buffer: i32): usize {
  return load<usize>(buffers + ((<usize>buffer) << 4), 4);
}

/** Row `t` of an activation buffer's quantised twin, see quantise.ts. */
// @ts-ignore: decorator
@inline
export function quantRow(buffer: i32, t: i32): usize {
  const at = buffers + ((<usize>buffer) << 4);
  return load<usize>(at, 8) + <usize>t * load<usize>(at, 12);
}

/** Bytes between the rows of the quantised twin; 0 if the buffer has none. */
// @ts-ignore: decorator
@inline
export function quantStride(buffer: i32): usize {
  return load<usize>(buffers + ((<usize>buffer) << 4), 12);
}

/** Word `i` of one of the batch's arrays of rows: BATCH_TOKENS, BATCH_OWNERS, BATCH_WANTED. */
// @ts-ignore: decorator
@inline
export function batchWord(array: usize, i: i32): i32 {
  if (!ASC_NO_ASSERT) assert(i >= 0 && i < BATCH_MAX_ROWS, "word outside the batch");
  return load<i32>(batch + array + ((<usize>i) << 2));
}

/** Number `i` of the head's units that are computed, where not all of them are. */
// @ts-ignore: decorator
@inline
export function wantedUnit(i: i32): i32 {
  if (!ASC_NO_ASSERT) assert(i >= 0 && i < BATCH_MAX_UNITS, "unit outside the batch");
  return load<i32>(batch + BATCH_UNITS + ((<usize>i) << 2));
}

/** The segment that row `t` belongs to. */
// @ts-ignore: decorator
@inline
export function segmentOf(t: i32): usize {
  return segmentAt(batchWord(BATCH_OWNERS, t));
}

// @ts-ignore: decorator
@inline
export function segmentAt(i: i32): usize {
  return batch + BATCH_SEGMENTS + <usize>i * SEGMENT_BYTES;
}

/** State of a segment's session in the current layer. */
// @ts-ignore: decorator
@inline
export function stateOf(segment: usize): usize {
  return load<usize>(segment) + layerState;
}

// @ts-ignore: decorator
@inline
export function firstRow(segment: usize): i32 {
  return load<i32>(segment, 4);
}

// @ts-ignore: decorator
@inline
export function endRow(segment: usize): i32 {
  return load<i32>(segment, 8);
}
