/**
 * Limits for a template's work. The language has loops, recursion and doubling strings, and model files may be hostile.
 */

/** The library's nodes as far as needed: their parts are other nodes, also in arrays and maps. */
type Parts = Readonly<Record<string, unknown>> & { readonly type: string };

interface Value {
  readonly type: string;
  readonly value: unknown;
}

/** The library's interpreter; everything goes through `evaluate`. */
interface Interpreter {
  evaluate(node: Parts | undefined, scope: object): Value;
  run(program: Parts): Value;
}

/** Cost of an iteration of a loop, with its scopes. */
const TURN_WORK = 5;
/** Cost of an undefined name, or of leaving a loop: the library throws an error for each. */
const UNKNOWN_WORK = 20;
/** Limit for the characters of a text, or of an array or object with everything in it, plus one per item. */
const MAX_SIZE = 2_000_000;
/** Limit for the size of a value times that of the arguments: bounds the result of `replace`, `join` and the like. */
const MAX_PRODUCT = 32_000_000;
/** Limit for nested evaluations; a recursive macro takes about eight per call. */
const MAX_DEPTH = 400;
/** Limit for nested arrays and objects. */
const MAX_NESTING = 64;
/** Operations that cost more than others per character or item. */
const SLOW: readonly unknown[] = ["sort", "dictsort", "replace", "split", "title"];

/** An operation whose result can be longer than its inputs: a filter with arguments, or a method. */
interface Growing {
  readonly node: Parts;
  readonly subjects: readonly unknown[];
  readonly args: readonly unknown[];
  subjectSize: number;
  argSize: number;
}

/**
 * An interpreter that does a bounded amount of work, the same on every machine.
 * @param Base the library's class, which is loaded on demand
 * @param program the program to run
 * @param most limit in units of work, about a microsecond each: an evaluated node, or 200 characters of text
 */
export function boundedInterpreter(
  Base: new (environment: object) => Interpreter,
  program: Parts,
  environment: object,
  most: number,
): Interpreter {
  const { shown, nodes } = analyze(program);

  class BoundedInterpreter extends Base {
    #work = 0;
    #depth = 0;
    readonly #sizes = new WeakMap<Value, { size: number; nesting: number }>();
    readonly #growing: Growing[] = [];

    override evaluate(node: Parts | undefined, scope: object): Value {
      if (!node) return super.evaluate(node, scope);
      this.#spend(this.#cost(node));
      const growing = growingOf(node);
      if (growing) this.#growing.push(growing);
      if (++this.#depth > MAX_DEPTH) throw new RangeError("it is nested too deeply");
      let value: Value;
      try {
        value = super.evaluate(node, scope);
      } finally {
        this.#depth--;
        if (growing) this.#growing.pop();
      }
      this.#check(node, value);
      return value;
    }

    #cost({ type }: Parts): number {
      if (type === "Identifier") return 1 + this.#depth / 50; // looked up in all enclosing scopes
      if (type === "Break" || type === "Continue") return UNKNOWN_WORK;
      return type === "Macro" || type === "CallStatement" ? 1 + nodes / 8 : 1; // the whole program is searched
    }

    #check(node: Parts, value: Value): void {
      const { size } = this.#measure(value);
      if (size > MAX_SIZE) throw new RangeError(`it makes a value of more than ${MAX_SIZE} characters`);
      if (value.type === "StringValue") this.#spend(size / 200);
      else if (value.type === "ArrayValue") this.#spend((value.value as Value[]).length / (isKnown(node) ? 50 : 3));
      else if (value.type === "UndefinedValue") this.#spend(UNKNOWN_WORK);
      if (isContainer(value) && shown.has(node)) this.#spend(size / 10); // it becomes JSON
      const around = this.#growing.at(-1);
      if (value.type === "FunctionValue" && node.type === "MemberExpression" && around?.node.callee !== node)
        throw new TypeError("it keeps a method as a value");
      if (around) this.#grow(around, node, value, size);
    }

    #grow(around: Growing, node: Parts, value: Value, size: number): void {
      if (around.subjects.includes(node)) {
        around.subjectSize += size;
        if (around.node.type === "For") this.#spend(TURN_WORK * ((value.value as { length?: number }).length ?? size));
        if (SLOW.includes(nameOf(around.node))) this.#spend(size / 10);
      } else if (around.args.includes(node))
        around.argSize += value.type === "IntegerValue" ? MAX_NESTING * Math.abs(value.value as number) : size;
      if (around.subjectSize * around.argSize > MAX_PRODUCT) throw new RangeError("it makes texts that are too long");
    }

    #spend(work: number): void {
      this.#work += work;
      if (this.#work > most) throw new RangeError("it takes too long");
    }

    /** A namespace can be changed, so it is measured every time, and must not be inside another value. */
    #measure(value: Value): { size: number; nesting: number } {
      if (value.type === "StringValue") return { size: 1 + (value.value as string).length, nesting: 0 };
      if (!isContainer(value)) return { size: 1, nesting: 0 };
      const known = this.#sizes.get(value);
      if (known) return known;
      const measured = { size: 1, nesting: 1 };
      for (const [key, item] of (value.value as Map<string, Value> | Value[]).entries()) {
        if (item.type === "NamespaceValue") throw new TypeError("it puts a namespace into a value");
        const inner = this.#measure(item);
        measured.size += inner.size + 1 + (typeof key === "string" ? key.length : 0);
        measured.nesting = Math.max(measured.nesting, 1 + inner.nesting);
      }
      if (measured.nesting > MAX_NESTING) throw new RangeError("its values are nested too deeply");
      if (value.type !== "NamespaceValue") this.#sizes.set(value, measured);
      return measured;
    }
  }
  return new BoundedInterpreter(environment);
}

/** Whether the node only names an existing value. */
function isKnown({ type }: Parts): boolean {
  return type === "Identifier" || type === "MemberExpression";
}

function isContainer({ value }: Value): boolean {
  return Array.isArray(value) || value instanceof Map;
}

function growingOf(node: Parts): Growing | undefined {
  const { callee, filter, args } = node as { callee?: Parts; filter?: Parts; args?: unknown[] };
  const parts = (subjects: unknown[], args: unknown[] = []) => ({
    ...{ node, subjects, subjectSize: 0, argSize: 0 },
    args: args.map(argumentOf),
  });
  if (node.type === "CallExpression" && callee?.type === "MemberExpression") return parts([callee.object], args);
  if (node.type === "FilterExpression") return parts([node.operand], filter?.args as unknown[] | undefined);
  if (node.type === "FilterStatement") return parts(node.body as unknown[], filter?.args as unknown[] | undefined);
  if (node.type === "For") return parts([(node.iterable as Parts).lhs ?? node.iterable]);
  return undefined;
}

/** The evaluated part of `key=value`, `*values` and `**values`. */
function argumentOf(node: unknown): unknown {
  const { type, value, argument } = node as Parts;
  return type === "KeywordArgumentExpression" ? value : type.includes("Spread") ? argument : node;
}

function nameOf({ filter, callee }: Parts): unknown {
  const named = (filter ?? (callee as Parts | undefined)?.property) as Parts | undefined;
  return named?.type === "CallExpression" ? (named.callee as Parts).value : named?.value;
}

/** The nodes whose values are output as text, and the number of nodes. */
function analyze(program: Parts): { shown: ReadonlySet<unknown>; nodes: number } {
  const shown = new Set<unknown>();
  const open: unknown[] = [program];
  let nodes = 0;
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    nodes++;
    const { body, alternate, defaultBlock } = part as Record<string, unknown>;
    for (const block of [body, alternate, defaultBlock])
      if (Array.isArray(block)) for (const each of block) shown.add(each);
    const inner = part instanceof Map ? [...part].flat() : Object.values(part as object);
    for (const each of inner) if (typeof each === "object" && each !== null) open.push(each);
  }
  return { shown, nodes };
}
