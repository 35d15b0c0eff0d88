// Incremental SHA-256 (FIPS 180-4), a separate module with a separate memory (build/sha256.ts holds its bytes):
// browsers only hash what is in memory as a whole. host/source/net/sha256.ts calls it.

/** The constants of the 64 rounds. */
const K: usize = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
]);
/** The message schedule of a block: u32[64]. */
const W: usize = memory.data(256);

/** First byte not used by the module itself. */
export function firstFree(): usize {
  return __heap_base;
}

/** Adds `count` blocks of 64 bytes to a state of u32[8]. */
export function take(state: usize, block: usize, count: i32): void {
  for (; count > 0; count--, block += 64) {
    schedule(block);
    rounds(state);
  }
}

function schedule(block: usize): void {
  for (let t: usize = 0; t < 64; t += 4) store<u32>(W + t, bswap(load<u32>(block + t)));
  for (let t: usize = 64; t < 256; t += 4) {
    const x = load<u32>(W + t - 60);
    const y = load<u32>(W + t - 8);
    const low = rotr(x, 7) ^ rotr(x, 18) ^ (x >> 3);
    const high = rotr(y, 17) ^ rotr(y, 19) ^ (y >> 10);
    store<u32>(W + t, load<u32>(W + t - 64) + low + load<u32>(W + t - 28) + high);
  }
}

function rounds(state: usize): void {
  let a = load<u32>(state);
  let b = load<u32>(state, 4);
  let c = load<u32>(state, 8);
  let d = load<u32>(state, 12);
  let e = load<u32>(state, 16);
  let f = load<u32>(state, 20);
  let g = load<u32>(state, 24);
  let h = load<u32>(state, 28);
  for (let t: usize = 0; t < 256; t += 4) {
    const choice = g ^ (e & (f ^ g));
    const majority = (a & b) | (c & (a | b));
    const x = h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + choice + load<u32>(K + t) + load<u32>(W + t);
    const y = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + majority;
    h = g;
    g = f;
    f = e;
    e = d + x;
    d = c;
    c = b;
    b = a;
    a = x + y;
  }
  store<u32>(state, load<u32>(state) + a);
  store<u32>(state, load<u32>(state, 4) + b, 4);
  store<u32>(state, load<u32>(state, 8) + c, 8);
  store<u32>(state, load<u32>(state, 12) + d, 12);
  store<u32>(state, load<u32>(state, 16) + e, 16);
  store<u32>(state, load<u32>(state, 20) + f, 20);
  store<u32>(state, load<u32>(state, 24) + g, 24);
  store<u32>(state, load<u32>(state, 28) + h, 28);
}
