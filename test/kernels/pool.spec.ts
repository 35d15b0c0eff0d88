// How units are handed out, on one thread; where other threads matter, the spec writes what they would have written.
// With real threads the pool runs in the tests of the host.
import {
  COMMAND_BYTES,
  CONTROL_COMMAND,
  CONTROL_EPOCH,
  CONTROL_PHASES,
  CONTROL_REQUEST,
  LINE,
  PHASE_SLOTS,
} from "../../assembly/abi";
import { argument, awaitCommand, begin, claim, end, operation, pointer, recordTimestamps } from "../../assembly/pool";
import { command, joinAsOneOf } from "./command";

const UNITS: i32[] = [0, 1, 2, 3, 7, 64, 1000];
const LEAST: i32[] = [1, 3, 16];

const hits = new StaticArray<i32>(1000);

/** Lets this thread go through one phase; returns the number of units that it got other than once, or out of order. */
function phase(units: i32, least: i32 = 1, threads: i32 = 1, taken: i32 = 0): i32 {
  hits.fill(0);
  let wrong = 0;
  let next = taken;
  while (claim(units, least)) {
    const left = units - next;
    const share = left / (threads * 2);
    if (begin != next || end > units || end - begin != min(left, max(least, share))) wrong++;
    for (let u = begin; u < end; u++) hits[u]++;
    next = end;
  }
  for (let u = 0; u < units; u++) if (hits[u] != (u < taken ? 0 : 1)) wrong++;
  return wrong + (begin == 0 && end == 0 ? 0 : 1);
}

/** Brings this thread to a phase, by a command as other threads get it. */
function goTo(phase: u32): void {
  store<u32>(CONTROL_COMMAND + 4, phase);
  const epoch = load<i32>(CONTROL_EPOCH);
  store<i32>(CONTROL_EPOCH, epoch + 2);
  awaitCommand(epoch);
}

/** The same as if the phases before had been run. */
function startAt(phase: u32): void {
  for (let before = 1; before <= PHASE_SLOTS; before++) credit(phase - before, 0, 0);
  goTo(phase);
}

/** What other threads have claimed and done in a phase. */
function credit(phase: u32, claimed: i32, done: i32): void {
  const slot = <usize>CONTROL_PHASES + <usize>(phase % PHASE_SLOTS) * LINE;
  store<u64>(slot, ((<u64>phase) << 32) | claimed);
  store<u64>(slot, ((<u64>phase) << 32) | done, 8);
}

/** The phase that this thread is in. */
function present(): u32 {
  command(1, []);
  return load<u32>(CONTROL_REQUEST + 4);
}

describe("claim", () => {
  it("hands out every unit once, in order, in shrinking pieces of `least` at least", () => {
    for (let threads = 1; threads <= 4; threads++) {
      joinAsOneOf(threads);
      command(1, []);
      for (let l = 0; l < LEAST.length; l++) {
        for (let i = 0; i < UNITS.length; i++) expect(phase(UNITS[i], LEAST[l], threads)).toBe(0);
      }
    }
  });
  it("works on while the phase number wraps", () => {
    joinAsOneOf(1);
    startAt(0xfffffffd);
    for (let i = 0; i < 8; i++) {
      expect(phase(10)).toBe(0);
      expect(present()).toBe(0xfffffffe + i);
    }
  });
  it("leaves out what others have taken", () => {
    for (let threads = 1; threads <= 4; threads++) {
      joinAsOneOf(threads);
      startAt(50);
      for (let i = 0; i < 6; i++) {
        credit(50 + i, i, i);
        expect(phase(10, 1, threads, i)).toBe(0);
      }
    }
  });
  it("takes no unit of a phase that others have finished, nor waits for one", () => {
    const STARTS: u32[] = [100, 0xfffffffd];
    for (let s = 0; s < STARTS.length; s++) {
      joinAsOneOf(1);
      startAt(STARTS[s]);
      for (let i = 0; i < 6; i++) expect(phase(10)).toBe(0);
      // A thread that is late by all six: two of the slots have been used twice meanwhile.
      goTo(STARTS[s]);
      for (let i = 0; i < 6; i++) expect(claim(10)).toBe(false);
      expect(phase(10)).toBe(0);
    }
  });
  it("waits for nothing in a phase without units", () => {
    startAt(7);
    expect(claim(0)).toBe(false);
    expect(present()).toBe(8);
  });
});

describe("recordTimestamps", () => {
  it("notes the time at the start and after each phase, and nothing once ended", () => {
    joinAsOneOf(1);
    command(1, []);
    const laps = new StaticArray<f64>(8);
    recordTimestamps(changetype<usize>(laps));
    for (let i = 0; i < 5; i++) phase(10);
    recordTimestamps(0);
    phase(10);
    for (let i = 0; i < 6; i++) expect(laps[i]).toBeGreaterThan(0);
    for (let i = 1; i < 6; i++) expect(laps[i]).toBeGreaterThanOrEqual(laps[i - 1]);
    expect(laps[6]).toBe(0);
  });
});

describe("a command", () => {
  it("reaches the thread whole, and starts it without units", () => {
    joinAsOneOf(1);
    startAt(20);
    expect(claim(5)).toBe(true);
    const words: i32[] = [];
    for (let i = 0; i < COMMAND_BYTES / 4 - 3; i++) words.push(1000 + i);
    command(3, words);
    expect(operation()).toBe(3);
    for (let i = 0; i < words.length; i++) {
      expect(argument(i)).toBe(1000 + i);
      expect(pointer(i)).toBe(1000 + i);
    }
    expect(end - begin).toBe(0);
    expect(load<i32>(CONTROL_EPOCH) & 1).toBe(0);
  });
});
