// The numbers shared by both sides. Plain constants, compiled by asc and by tsc: offsets and ids are defined only here.
// "word" is 4 bytes. Everything in memory is little-endian, as WebAssembly is.

// ---- architectures -------------------------------------------------------------------------------------------------
export const RWKV4 = 4;
export const RWKV5 = 5;
export const RWKV6 = 6;
export const RWKV7 = 7;

// ---- number formats of stored tensors (see host/checkpoint/dtypes.ts) ----------------------------------------------
export const DTYPE_F32 = 0;
export const DTYPE_F16 = 1;
export const DTYPE_BF16 = 2;
export const DTYPE_Q4_0 = 3;
export const DTYPE_Q4_1 = 4;
export const DTYPE_Q5_0 = 5;
export const DTYPE_Q5_1 = 6;
export const DTYPE_Q8_0 = 7;
export const DTYPE_Q2_K = 8;
export const DTYPE_Q3_K = 9;
export const DTYPE_Q4_K = 10;
export const DTYPE_Q5_K = 11;
export const DTYPE_Q6_K = 12;

// ---- formats of packed weights (assembly/formats/) -----------------------------------------------------------------
export const FORMAT_F32 = 0;
export const FORMAT_INT8 = 1;
export const FORMAT_INT4 = 2;
/**
 * Version of the byte order of packed weights, for all formats. Files written by `wkv convert` carry it and are refused
 * if it differs: increment it with every change to what pack() writes or to how the host lays matrices out.
 */
export const PACKED_LAYOUT = 1;

/** Minimum rows per claim, and rows of an int8 block: their products are one block of quantised values. */
export const UNIT_ROWS = 32;
/** Values that share a scale, in quantised weights and activations. */
export const QUANT_VALUES = 32;

// ---- control area: a 64-byte line for each word that several threads write -----------------------------------------
export const LINE = 64;
/** First byte that the host may use; everything below it belongs to the module's constants. */
export const CONTROL = 65536;
/** Word: twice the number of commands so far, odd while one is being written; helpers sleep on it. */
export const CONTROL_EPOCH = CONTROL;
/**
 * Where the host writes a command, and where the threads read it: op, first phase, number of active threads, then up to
 * 13 arguments.
 */
export const CONTROL_REQUEST = CONTROL + LINE;
export const CONTROL_COMMAND = CONTROL + 2 * LINE;
export const COMMAND_BYTES = LINE;
/** Phase slots: claim (i64), done (i64), wake-ups (i32), sleepers (i32); see pool.ts. */
export const CONTROL_PHASES = CONTROL + 3 * LINE;
export const PHASE_SLOTS = 4;
/**
 * Startup handshake: threads that have arrived, thread 0's answer, threads that have read it correctly; see pool.ts.
 */
export const CONTROL_HANDSHAKE = CONTROL_PHASES + PHASE_SLOTS * LINE;
/** Word: address of packed weights that are NaN or infinite; 0 if there are none. */
export const NOT_FINITE = CONTROL_HANDSHAKE + 12;
/** Ids of the operations, the first word of a command. */
export const OP_QUIT = 0;
/** (rows, segments, wanted rows, timestamps or 0, units): runs the batch at TABLE_BATCH through the model. With a pointer to
 * timestamps, thread 0 stores the time at the start and at the end of each phase there (f64, milliseconds). With `units`
 * above 0 the head is multiplied by the units at BATCH_UNITS alone, and other logits are what they were. */
export const OP_FORWARD = 1;
/** (dst, format, columns, src, src stride of a row, of a column in values, first row, end row): packs f32 rows. */
export const OP_PACK = 2;
/** (dst, format, columns, src, bytes of a row, first row, end row): packs rows stored as Q8_0 to int8 or as Q4_0 to int4,
 * exactly. */
export const OP_PACK_STORED = 3;
/** (dst, src, dtype, count): any stored number format to f32. */
export const OP_DECODE = 4;
/** (pointer, count, FOLD_...): applies a function of the recipe to f32 values in place. */
export const OP_FOLD = 5;
/** (src, bytes): reads memory and discards it, to measure the bandwidth. */
export const OP_READ = 6;
/** (dst, rows, columns, A, B, rank): dst += B A, all f32 and row by row, one rank after the other. */
export const OP_ADD_LOW_RANK = 7;
/**
 * (rows, segments, wanted rows, first, end, phases): a part of a forward pass, layers [first, end); from layer 0 on it
 * embeds, and logits are of the rows as they then are. With `phases` above 0 the layers stop after this many, and what the
 * next phase reads is in the buffers.
 */
export const OP_LAYERS = 8;
/** (dst, format, columns, rows): reorders packed rows for this build's kernels. */
export const OP_ARRANGE = 9;

/** x ← exp(x) */
export const FOLD_EXP = 1;
/** x ← −exp(x) */
export const FOLD_NEG_EXP = 2;
/** x ← exp(−exp(x)) */
export const FOLD_EXP_NEG_EXP = 3;
/** x ← 1 − x */
export const FOLD_ONE_MINUS = 4;

// ---- model table (words) -------------------------------------------------------------------------------------------
export const TABLE = CONTROL_HANDSHAKE + LINE;
export const TABLE_ARCH = 0;
export const TABLE_LAYERS = 1;
export const TABLE_WIDTH = 2;
/** Values per head; in RWKV-4, which has no heads, the channels that are claimed together. */
export const TABLE_HEAD_SIZE = 3;
export const TABLE_VOCAB = 4;
/** f32: epsilon of the group norm after the recurrence. */
export const TABLE_GROUP_NORM_EPS = 5;
/** Pointer to the layers' slots. */
export const TABLE_SLOTS = 6;
/** Slots of one layer. */
export const TABLE_SLOTS_PER_LAYER = 7;
/** Pointer to the slots outside the layers. */
export const TABLE_GLOBALS = 8;
/**
 * Pointer to the activation buffers: (pointer, bytes per row) of their f32 and of their quantised rows, 16 bytes each.
 */
export const TABLE_BUFFERS = 9;
/** Pointer to the batch's arrays. */
export const TABLE_BATCH = 10;
/** Bytes of one layer's state: ffn_x, att_x, then the recurrence. */
export const TABLE_LAYER_STATE = 11;
/** Pointer to the threads' scratch areas, and bytes of each. */
export const TABLE_SCRATCH = 12;
export const TABLE_SCRATCH_BYTES = 13;
/** The largest integer of a quantised activation: 8191, or 127 where weights are int4. */
export const TABLE_LARGEST = 14;
/** Blocks of a matrix that are read in turn for one token. */
export const TABLE_STREAMS = 15;
/** What the relaxed dot product of four bytes is: DOT_... */
export const TABLE_DOT = 16;
/** Debug build only: seed of the delays between a thread's atomics, 0 for none; and the thread and phase at which it ends. */
export const TABLE_SCHEDULE = 17;
export const TABLE_END_THREAD = 18;
export const TABLE_END_PHASE = 19;
export const TABLE_WORDS = 32;

/** Several instructions: only that of two bytes is worth using. */
export const DOT_PAIRS = 0;
/** One instruction whose second operand is u8, or i8. */
export const DOT_UNSIGNED = 1;
export const DOT_SIGNED = 2;

/**
 * A slot describes a tensor: pointer, format (matrices) or dtype (emb), rows, columns. A missing tensor has pointer 0.
 */
export const SLOT_BYTES = 16;

// ---- batch: rows of tokens, cut into segments, one segment a session; arrays of words at TABLE_BATCH ----------
/** Maximum rows of a batch. */
export const BATCH_MAX_ROWS = 128;
/** The token of each row. */
export const BATCH_TOKENS = 0;
/** The segment that each row belongs to. */
export const BATCH_OWNERS = BATCH_MAX_ROWS * 4;
/** The rows whose logits are wanted. */
export const BATCH_WANTED = BATCH_OWNERS + BATCH_MAX_ROWS * 4;
/** (state pointer, first row, end row) of each segment. */
export const BATCH_SEGMENTS = BATCH_WANTED + BATCH_MAX_ROWS * 4;
export const SEGMENT_BYTES = 12;
/** The units of the head that are computed, where not all of them are. */
export const BATCH_UNITS = BATCH_SEGMENTS + BATCH_MAX_ROWS * SEGMENT_BYTES;
export const BATCH_MAX_UNITS = 512;
export const BATCH_BYTES = BATCH_UNITS + BATCH_MAX_UNITS * 4;

// ---- per-thread scratch --------------------------------------------------------------------------------------------
// The thread's copy of its command comes first.
/** Products of one unit of rows with every token: BATCH_MAX_ROWS × UNIT_ROWS f32. */
export const SCRATCH_TILE = COMMAND_BYTES;
/** A group of weights, widened for many tokens (formats/wide.ts). */
export const SCRATCH_WIDE = SCRATCH_TILE + BATCH_MAX_ROWS * UNIT_ROWS * 4;
/** Vectors of one head and one token. */
export const SCRATCH_HEAD = SCRATCH_WIDE + UNIT_ROWS * (QUANT_VALUES * 2 + 4);
