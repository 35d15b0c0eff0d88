// The spine: embedding, layers, head.
import {
  BATCH_TOKENS,
  BATCH_WANTED,
  RWKV4,
  RWKV5,
  RWKV6,
  RWKV7,
  SLOT_BYTES,
  TABLE_ARCH,
  TABLE_LAYERS,
  TABLE_VOCAB,
} from "./abi";
import * as buf from "./buffers";
import * as W from "./slots";
import { decode, storedBytes } from "./dtypes";
import { claimUnits, multiply, productAt, unitsAt } from "./matmul";
import { batchWord, enter, globalVector, globals, row, table, wantedUnit, width } from "./layout";
import { argument, begin, claim, end, limitPhases, pointer, recordTimestamps } from "./pool";
import { quantiseRow } from "./quantise";
import { layer4 } from "./rwkv4";
import { layer5 } from "./rwkv5";
import { layer6 } from "./rwkv6";
import { layer7 } from "./rwkv7";
import { STORE } from "./store";
import { norm } from "./vec";

const LAYER_NORM_EPS: f32 = 1e-5;

/** OP_FORWARD(rows, segments, wanted, timestamps, units) */
export function forward(): void {
  recordTimestamps(pointer(3));
  embedRows();
  layers(0, table(TABLE_LAYERS));
  head(argument(4));
  recordTimestamps(0);
}

/** OP_LAYERS(rows, segments, wanted, first, end, phases): the host reads BUF_X between one and the next. */
export function someLayers(): void {
  const first = argument(3);
  if (first == 0) embedRows();
  limitPhases(argument(5));
  layers(first, argument(4));
  head(0);
}

function embedRows(): void {
  while (claim(argument(0))) for (let t = begin; t < end; t++) embed(t);
}

function layers(first: i32, end: i32): void {
  const arch = table(TABLE_ARCH);
  for (let layer = first; layer < end; layer++) {
    enter(layer);
    switch (arch) {
      case RWKV4:
        layer4();
        break;
      case RWKV5:
        layer5();
        break;
      case RWKV6:
        layer6();
        break;
      case RWKV7:
        layer7(layer);
        break;
    }
  }
}

/** Logits of the wanted rows: all, or those of `units` units at BATCH_UNITS. */
function head(units: i32): void {
  const wanted = argument(2);
  if (wanted == 0) return;
  while (claim(wanted)) for (let i = begin; i < end; i++) normWanted(i);
  const head = globals + W.HEAD * SLOT_BYTES;
  if (units == 0) while (claimUnits(unitsAt(head))) productAt(head, buf.HEAD_IN, 0, buf.LOGITS, wanted);
  else
    while (claim(units)) {
      for (let i = begin; i < end; i++) multiply(head, wantedUnit(i), 1, buf.HEAD_IN, 0, buf.LOGITS, wanted, STORE);
    }
}

/** buf.X[t] = layer norm 0 of the token's row of emb, which is kept as stored. */
function embed(t: i32): void {
  if (!ASC_NO_ASSERT) checkToken(t);
  const emb = globals + W.EMB * SLOT_BYTES;
  const dtype = load<i32>(emb, 4);
  const x = row(buf.X, t);
  decode(x, load<usize>(emb) + <usize>batchWord(BATCH_TOKENS, t) * storedBytes(dtype, width), dtype, width);
  if (globalVector(W.LN0_WEIGHT))
    norm(x, x, globalVector(W.LN0_WEIGHT), globalVector(W.LN0_BIAS), width, LAYER_NORM_EPS);
}

function checkToken(t: i32): void {
  assert(<u32>batchWord(BATCH_TOKENS, t) < <u32>table(TABLE_VOCAB), "token outside the vocabulary");
}

function normWanted(i: i32): void {
  const x = row(buf.X, batchWord(BATCH_WANTED, i));
  norm(row(buf.HEAD_IN, i), x, globalVector(W.LN_OUT_WEIGHT), globalVector(W.LN_OUT_BIAS), width, LAYER_NORM_EPS);
  quantiseRow(buf.HEAD_IN, i, width);
}
