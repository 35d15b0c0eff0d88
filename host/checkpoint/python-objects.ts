// Python objects that trainers save next to weights: sizes, devices, options, counters. They are read as plain data; no
// Python code runs.
import { damaged, quoted } from "./damage.ts";

/** Computes the value of a call in a pickle from its arguments. */
type Constructor = (args: unknown[]) => unknown;

const asGiven: Constructor = (args) => args;
const first: Constructor = ([value]) => value ?? null;
const emptyDict: Constructor = () => new Map();
const asDict: Constructor = ([value]) => (value instanceof Map ? value : new Map());
const asSet: Constructor = ([items]) => (Array.isArray(items) ? items : []);

const OBJECTS = new Map<string, Constructor>([
  ["collections.OrderedDict", emptyDict],
  ["collections.defaultdict", emptyDict],
  ["collections.Counter", asDict],
  ["collections.deque", asSet],
  ["torch.Size", asSet],
  ["torch.device", first],
  ["datetime.datetime", asGiven],
  ["datetime.date", asGiven],
  ["datetime.timedelta", asGiven],
  ["datetime.timezone", asGiven],
  ["decimal.Decimal", first],
  ["fractions.Fraction", first],
  ["uuid.UUID", emptyDict],
  ["types.SimpleNamespace", emptyDict],
  ["numpy.dtype", first],
  ["numpy.ndarray", asGiven],
  ["_codecs.encode", first],
  ...["Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath"].map(
    (name) => [`pathlib.${name}`, asGiven] as const,
  ),
  ...["numpy.core", "numpy._core"].flatMap((module) => [
    [`${module}.multiarray.scalar`, asGiven] as const,
    [`${module}.multiarray._reconstruct`, asGiven] as const,
  ]),
  ...["builtins", "__builtin__"].flatMap((module) => [
    [`${module}.set`, asSet] as const,
    [`${module}.frozenset`, asSet] as const,
    [`${module}.list`, asSet] as const,
    [`${module}.tuple`, asSet] as const,
    [`${module}.dict`, asDict] as const,
    [`${module}.object`, emptyDict] as const,
    ...["int", "long", "float", "bool", "str", "unicode", "bytes"].map((name) => [`${module}.${name}`, first] as const),
    ...["complex", "slice", "range", "xrange", "bytearray"].map((name) => [`${module}.${name}`, asGiven] as const),
  ]),
]);

/** torch.float32 and the like, which pickles name as if they were classes. */
const DTYPE =
  /^torch\.(u?int(8|16|32|64)|b?float(16|32|64)|double|float|half|long|short|int|bool|complex(32|64|128)|float8_\w+)$/;

/** Modules whose classes can start programs, load code or open files. */
const ACTIVE = new Set(
  (
    "builtins __builtin__ os posix nt ntpath posixpath subprocess sys importlib imp zipimport runpy pty socket shutil code " +
    "codeop pickle _pickle cPickle copyreg marshal shelve ctypes _ctypes cffi multiprocessing threading _thread asyncio " +
    "concurrent webbrowser pdb bdb timeit trace profile cProfile operator _operator functools types inspect gc io _io " +
    "tempfile glob fileinput http urllib ftplib smtplib poplib imaplib telnetlib xmlrpc socketserver ssl sqlite3 dbm logging " +
    "pydoc doctest unittest venv ensurepip pip setuptools distutils pkg_resources commands platform signal atexit test idlelib " +
    "turtle tkinter antigravity this numpy torch site"
  ).split(" "),
);

/**
 * The local replacement for a class or function that a pickle names: it turns the pickle's values into plain data.
 * @returns undefined unless it is known to be harmless
 */
export function pythonObject(path: string, file: string): Constructor | undefined {
  const known = OBJECTS.get(path);
  if (known) return known;
  if (DTYPE.test(path)) return () => path;
  return isOwnClass(path) ? ownClass(path, file) : undefined;
}

/** A class of the trainer's own module: probably a dict subclass or an enumeration. */
function isOwnClass(path: string): boolean {
  const [top = ""] = path.split(".");
  return /\.[A-Z]\w{0,99}$/.test(path) && !ACTIVE.has(top);
}

/** Without arguments a dict, whose items follow; of one plain value an enumeration's member, which is that value. */
function ownClass(path: string, file: string): Constructor {
  return (args) => {
    if (args.length === 0) return new Map();
    if (args.length === 1 && [args[0]].flat().every(isScalar)) return args[0];
    throw refusal(path, file);
  };
}

function isScalar(value: unknown): boolean {
  return value === null || ["string", "number", "bigint", "boolean"].includes(typeof value);
}

/** The error for a Python object that is not read. */
export function refusal(path: string, file: string): Error {
  return damaged(
    file,
    `asks for the Python object ${quoted(path)}, which weights do not need: loading it in Python could run any ` +
      "code. If you trust its source, save only its weights: torch.save(model.state_dict(), PATH).",
  );
}
