// Threads. A forward pass is a sequence of phases; a phase is a number of units (rows, blocks of rows, heads) that may
// be done in any order. Every thread walks through the same phases and claims units:
//
//   while (claim(units)) for (let u = begin; u < end; u++) ...;
//
// A phase ends when its units are done, not when every thread has checked in, so a preempted thread does not block the
// others; it finds the phases that it missed exhausted and passes through them. Claims shrink towards the end of a
// phase, so that a thread first reads long runs and the last ones finish at about the same time.
//
// Which thread computes a unit never changes its bits. This is the only file with atomics.
import {
  COMMAND_BYTES,
  CONTROL_COMMAND,
  CONTROL_EPOCH,
  CONTROL_HANDSHAKE,
  CONTROL_PHASES,
  CONTROL_REQUEST,
  LINE,
  PHASE_SLOTS,
  TABLE,
  TABLE_END_PHASE,
  TABLE_END_THREAD,
  TABLE_SCHEDULE,
} from "./abi";

/** Milliseconds, imported from the host. */
// @ts-ignore: decorator
@external("env", "now")
declare function now(): f64;

/** The units that the last claim() took: [begin, end). */
export let begin: i32 = 0;
export let end: i32 = 0;
/** This thread's number, and the number of threads in the running command: those with lower numbers take part. */
export let self: i32 = 0;
export let activeThreads: i32 = 1;
/** Number of this thread's current phase. It wraps after 2^32 phases; only differences are compared. */
let phase: u32 = 0;
/** Phases after which the rest of the running command is left out; below zero for none. */
let limit: i32 = -1;

// A slot is reused PHASE_SLOTS phases later without clearing: claim and done are 64-bit words of (phase number, count),
// and a thread that finds an older number restarts the count.
const CLAIM: usize = 0;
const DONE: usize = 8;
const WAKES: usize = 16;
const SLEEPERS: usize = 20;

// Polling `done` this often before sleeping takes 10–20 µs: longer than the usual wait at the end of a phase, shorter
// than waking a thread up.
const SPINS: i32 = 2000;

// @ts-ignore: decorator
@inline
function slot(): usize {
  return <usize>CONTROL_PHASES + <usize>(phase % PHASE_SLOTS) * LINE;
}

/**
 * Claims the next units of the current phase as [begin, end), at least `least` of them while there are that many. When
 * none are left, waits until all are done, moves to the next phase and returns false.
 */
export function claim(units: i32, least: i32 = 1): bool {
  if (!ASC_NO_ASSERT) endHere();
  if (limit == 0) return false;
  const at = slot();
  if (end > begin) finish(at, end - begin, units);
  for (;;) {
    if (!ASC_NO_ASSERT) delay();
    const word = atomic.load<u64>(at, CLAIM);
    if (!ASC_NO_ASSERT) delay();
    const age = <i32>(phase - <u32>(word >> 32));
    const next = age == 0 ? <i32>word : 0;
    const left = units - next;
    if (age < 0 || left <= 0) break;
    const take = min(left, max(least, left / (activeThreads * 2)));
    if (atomic.cmpxchg<u64>(at, word, ((<u64>phase) << 32) | (next + take), CLAIM) == word) {
      begin = next;
      end = next + take;
      if (!ASC_NO_ASSERT) assert(begin >= 0 && end <= units, "claim: units outside the phase");
      return true;
    }
  }
  begin = end = 0;
  if (units > 0) awaitDone(at, units);
  phase++;
  if (limit > 0) limit--;
  if (timestamps) recordTime();
  return false;
}

/** Of the running command, leaves out what comes after the next `phases` phases; 0 for nothing. */
export function limitPhases(phases: i32): void {
  limit = phases > 0 ? phases : -1;
}

/** Address for the time at the end of the next phase; 0 if timestamps are off. */
let timestamps: usize = 0;

function recordTime(): void {
  store<f64>(timestamps, now());
  timestamps += 8;
}

/** Thread 0: stores the time now, and at the end of every following phase; 0 turns timestamps off. */
export function recordTimestamps(at: usize): void {
  timestamps = self == 0 ? at : 0;
  if (timestamps) recordTime();
}

/** Marks `count` units of the current phase as done, and wakes the sleepers after the last one. */
function finish(at: usize, count: i32, units: i32): void {
  for (;;) {
    if (!ASC_NO_ASSERT) delay();
    const word = atomic.load<u64>(at, DONE);
    const sum = (<u32>(word >> 32) == phase ? <i32>word : 0) + count;
    if (!ASC_NO_ASSERT) delay();
    if (atomic.cmpxchg<u64>(at, word, ((<u64>phase) << 32) | sum, DONE) != word) continue;
    if (!ASC_NO_ASSERT) assert(sum <= units, "finish: more units done than the phase has");
    if (sum == units) {
      if (!ASC_NO_ASSERT) delay();
      atomic.add<i32>(at, 1, WAKES);
      if (!ASC_NO_ASSERT) delay();
      if (atomic.load<i32>(at, SLEEPERS)) atomic.notify(at + WAKES, -1);
    }
    return;
  }
}

/**
 * Returns when all units of the current phase are done. Sleeps on the wake-up count, read before the check: if the
 * phase ends in between, the count changes and the sleep ends at once. One loop with the spin counter inside: Node 20's
 * baseline compiler miscompiles two consecutive loops.
 */
function awaitDone(at: usize, units: i32): void {
  for (let spins = 0; ; spins++) {
    if (!ASC_NO_ASSERT) delay();
    const wakes = atomic.load<i32>(at, WAKES);
    if (!ASC_NO_ASSERT) delay();
    const word = atomic.load<u64>(at, DONE);
    const age = <i32>(phase - <u32>(word >> 32));
    if (age < 0 || (age == 0 && <i32>word == units)) return;
    if (spins < SPINS) continue;
    atomic.add<i32>(at, 1, SLEEPERS);
    if (!ASC_NO_ASSERT) delay();
    memory.atomic.wait32(at + WAKES, wakes, -1);
    atomic.sub<i32>(at, 1, SLEEPERS);
  }
}

// ---- commands -------------------------------------------------------------------------------------------------------

// Each thread works on a private copy of the command: the next one may be written while it still passes through phases
// that others have finished. (Plain globals are per instance, that is, per thread; data segments are not.)
let copy: usize = 0;

/** The running command: OP_... */
// @ts-ignore: decorator
@inline
export function operation(): i32 {
  return load<i32>(copy);
}

/** Argument `i` of the running command: a number. */
// @ts-ignore: decorator
@inline
export function argument(i: i32): i32 {
  return load<i32>(copy + ((<usize>i + 3) << 2));
}

/** Argument `i` of the running command: an address. */
// @ts-ignore: decorator
@inline
export function pointer(i: i32): usize {
  return <usize>argument(i);
}

/** Gives this thread its number and memory for its copy of the command. */
export function join(thread: i32, copyAt: usize): void {
  self = thread;
  copy = copyAt;
}

/** Thread 0: announces the command written by the host. */
export function announce(): void {
  atomic.add<i32>(CONTROL_EPOCH, 1);
  store<u32>(CONTROL_REQUEST + 4, phase);
  for (let at: usize = 0; at < <usize>COMMAND_BYTES; at += 4) {
    if (!ASC_NO_ASSERT) delay();
    atomic.store<i32>(<usize>CONTROL_COMMAND + at, load<i32>(<usize>CONTROL_REQUEST + at));
  }
  const epoch = atomic.add<i32>(CONTROL_EPOCH, 1) + 1;
  if (load<i32>(CONTROL_REQUEST + 8) > 1) atomic.notify(CONTROL_EPOCH, -1);
  take(epoch);
}

/** Other threads: sleeps until there is a command other than that of `epoch`; returns its epoch. */
export function awaitCommand(epoch: i32): i32 {
  let now = epoch;
  for (let spins = 0; now == epoch || (now & 1) == 1 || !take(now); spins++) {
    if (spins > SPINS) memory.atomic.wait32(CONTROL_EPOCH, now, -1);
    now = atomic.load<i32>(CONTROL_EPOCH);
  }
  return now;
}

/**
 * Copies the command; false if the next one was being written meanwhile. The words are read atomically, so that the
 * check of the epoch cannot move before them.
 */
function take(epoch: i32): bool {
  for (let at: usize = 0; at < <usize>COMMAND_BYTES; at += 4) {
    if (!ASC_NO_ASSERT) delay();
    store<i32>(copy + at, atomic.load<i32>(<usize>CONTROL_COMMAND + at));
  }
  phase = load<u32>(copy + 4);
  activeThreads = load<i32>(copy + 8);
  begin = end = 0;
  limit = -1;
  return atomic.load<i32>(CONTROL_EPOCH) == epoch;
}

// ---- debug build: other schedules -------------------------------------------------------------------------------------

/** State of this thread's random numbers. */
let random: u32 = 0;

/** One atomic in four is late: by up to 1,000 turns, or up to 33 µs of sleep, in which another thread runs. */
function delay(): void {
  const seed = load<u32>(TABLE + (TABLE_SCHEDULE << 2));
  if (seed == 0 || activeThreads == 1) return;
  if (random == 0) random = (seed ^ (<u32>self * 0x9e3779b1)) | 1;
  random ^= random << 13;
  random ^= random >> 17;
  random ^= random << 5;
  if (random & 3) return;
  if (random & 4) memory.atomic.wait32(TABLE + (TABLE_SCHEDULE << 2), seed, (random >> 8) & 0x7fff);
  else for (let i = (random >> 8) & 1023; i > 0; i--) atomic.fence();
}

/** A thread ends in the phase that the host asks for, or the next that it comes to, as one does whose memory is damaged. */
function endHere(): void {
  const at = load<u32>(TABLE + (TABLE_END_PHASE << 2));
  if (at == 0 || <i32>(phase - at) < 0 || self != load<i32>(TABLE + (TABLE_END_THREAD << 2))) return;
  assert(false, "ended as the host asked for");
}

// ---- start ----------------------------------------------------------------------------------------------------------

/** Nanoseconds to wait for the next sign of a thread that is already running. */
const PATIENCE: i64 = 2_000_000_000;
/** Result of memory.atomic.wait32 after a timeout. */
const TIMED_OUT: i32 = 2;
const ARRIVED: usize = CONTROL_HANDSHAKE;
const ANSWERED: usize = CONTROL_HANDSHAKE + 4;
const RIGHT: usize = CONTROL_HANDSHAKE + 8;

/**
 * Thread 0, before the first command: whether all other threads are running and all see each other's plain stores,
 * which some runtimes do not guarantee. Each writes to its area; thread 0 reads that and writes an answer.
 * @param areas contiguous, `bytes` bytes each
 */
export function handshake(threads: i32, areas: usize, bytes: usize): bool {
  if (!awaitCount(ARRIVED, threads - 1)) return false;
  let right = true;
  for (let thread = 1; thread < threads; thread++) {
    const area = areas + <usize>thread * bytes;
    if (!holds(area, bytes, thread)) right = false;
    mark(area, bytes, ~thread);
  }
  atomic.store<i32>(ANSWERED, 1);
  atomic.notify(ANSWERED, -1);
  return right && awaitCount(RIGHT, threads - 1);
}

/** The other threads' side of `handshake`. */
export function joinHandshake(thread: i32, area: usize, bytes: usize): void {
  mark(area, bytes, thread);
  addOne(ARRIVED);
  if (awaitCount(ANSWERED, 1) && holds(area, bytes, ~thread)) addOne(RIGHT);
}

/** False if nothing changes for too long. */
function awaitCount(at: usize, count: i32): bool {
  let now = atomic.load<i32>(at);
  while (now != count && memory.atomic.wait32(at, now, PATIENCE) != TIMED_OUT) now = atomic.load<i32>(at);
  return now == count;
}

function addOne(at: usize): void {
  atomic.add<i32>(at, 1);
  atomic.notify(at, -1);
}

function mark(area: usize, bytes: usize, seed: i32): void {
  for (let i: usize = 0; i < bytes; i += 4) store<i32>(area + i, seed + <i32>i);
}

function holds(area: usize, bytes: usize, seed: i32): bool {
  for (let i: usize = 0; i < bytes; i += 4) if (load<i32>(area + i) != seed + <i32>i) return false;
  return true;
}
