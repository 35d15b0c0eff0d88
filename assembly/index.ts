// The exports, nothing else.
import {
  OP_ADD_LOW_RANK,
  OP_ARRANGE,
  OP_DECODE,
  OP_FOLD,
  OP_FORWARD,
  OP_LAYERS,
  OP_PACK,
  OP_PACK_STORED,
  OP_QUIT,
  OP_READ,
  TABLE_DOT,
  TABLE_LARGEST,
} from "./abi";
import { forward, someLayers } from "./forward";
import { addLowRank, arrangeRows, decodeValues, fold, packRows, packStoredRows } from "./loading";
import { open, scratchBytes, scratchOf, table } from "./layout";
import { readMemory } from "./probe";
import { announce, joinHandshake, awaitCommand, activeThreads, join, handshake, operation } from "./pool";
import { setLargest } from "./quantise";
import { setDot } from "./simd";

/** First byte not used by the module itself: the host checks that it is not above CONTROL. */
export function firstFree(): usize {
  return __heap_base;
}

/** Thread 0, once: the host has written the model table. Returns whether all threads see each other's stores. */
export function start(threads: i32): bool {
  begin(0);
  return handshake(threads, scratchOf(0), scratchBytes());
}

function begin(thread: i32): void {
  join(thread, scratchOf(thread));
  open();
  setLargest(table(TABLE_LARGEST));
  setDot(table(TABLE_DOT));
}

/** Thread 0: runs the command at CONTROL_REQUEST together with the other threads; returns when it is done. */
export function run(): void {
  announce();
  execute();
}

/** Other threads: takes part in every command that it is active in, until OP_QUIT. */
export function serve(thread: i32): void {
  begin(thread);
  joinHandshake(thread, scratchOf(thread), scratchBytes());
  for (let epoch = awaitCommand(0); operation() != OP_QUIT; epoch = awaitCommand(epoch)) {
    if (thread < activeThreads) execute();
  }
}

function execute(): void {
  switch (operation()) {
    case OP_FORWARD:
      forward();
      break;
    case OP_LAYERS:
      someLayers();
      break;
    case OP_PACK:
      packRows();
      break;
    case OP_PACK_STORED:
      packStoredRows();
      break;
    case OP_ARRANGE:
      arrangeRows();
      break;
    case OP_DECODE:
      decodeValues();
      break;
    case OP_READ:
      readMemory();
      break;
    case OP_FOLD:
      fold();
      break;
    case OP_ADD_LOW_RANK:
      addLowRank();
      break;
  }
}
