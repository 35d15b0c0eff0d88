import { WkvError } from "../errors.ts";

/** Limit for nodes of a grammar. Hand-written JSON schemas have hundreds to thousands. */
const MAX_NODES = 300_000;
/** Largest inner choice that is flattened into the outer one. */
const MAX_FLATTENED = 16;
/**
 * Limit for nodes examined by {@link Grammar.computeCosts}. A pass over all of them propagates costs at least one rule
 * further.
 */
const MAX_EFFORT = 30_000_000;

/**
 * A language: a set of strings of symbols. Symbols are numbers: bytes when matching tokens, code points when
 * intersecting patterns. Equal nodes are shared, so nodes are compared by identity.
 */
export type Node = Empty | Symbols | Sequence | Choice | Repeat | Rule;

interface Common {
  /** Children have lower ids; only a rule's body may have a higher one. */
  readonly id: number;
  /** Contains the empty string. Rules count as not nullable, so a nullable rule must not be repeated. */
  readonly nullable: boolean;
  /** Consists of symbols, sequences and choices only. */
  readonly isPlain: boolean;
  /** Upper bound for the tokens of the shortest string; Infinity if the vocabulary cannot spell any. */
  cost: number;
}

export interface Empty extends Common {
  readonly kind: "empty";
}
/** One symbol from `low` to `high`. */
export interface Symbols extends Common {
  readonly kind: "symbols";
  readonly low: number;
  readonly high: number;
}
export interface Sequence extends Common {
  readonly kind: "sequence";
  readonly first: Node;
  readonly second: Node;
}
export interface Choice extends Common {
  readonly kind: "choice";
  readonly nodes: readonly Node[];
}
/** `min` to `max` times `body`, which is not nullable. Counted during the walk, so a large `max` takes no memory. */
export interface Repeat extends Common {
  readonly kind: "repeat";
  readonly body: Node;
  readonly min: number;
  readonly max: number;
}
/** A node whose body is set later: the means of recursion. */
export interface Rule extends Common {
  readonly kind: "rule";
  body: Node;
}

type Shape<T> = T extends Node ? Omit<T, "id" | "cost" | "isPlain"> : never;

/** Creates nodes, sharing equal ones. */
export class Grammar {
  readonly nodes: Node[] = [];
  readonly empty: Node;
  /** The empty language. */
  readonly never: Node;
  readonly #known = new Map<string, Node>();
  readonly #cached = new Map<string, Node>();
  /** Nodes whose shortest string is one token, although its symbols are not all tokens. */
  readonly #single = new Set<Node>();
  readonly #isToken: (symbol: number) => boolean;
  /** Characters that are tokens although their bytes are not. */
  readonly characters: readonly number[];

  /** @param isToken whether a symbol is a token on its own: there is a token of this one byte */
  constructor(isToken: (symbol: number) => boolean = () => true, characters: readonly number[] = []) {
    this.#isToken = isToken;
    this.characters = characters;
    this.empty = this.#node("e", { kind: "empty", nullable: true });
    this.never = this.#node("c", { kind: "choice", nodes: [], nullable: false });
  }

  symbols(low: number, high: number): Node {
    return this.#node(`y${low},${high}`, { kind: "symbols", low, high, nullable: false });
  }

  sequence(nodes: readonly Node[]): Node {
    return nodes.reduceRight((second, first) => this.#pair(first, second), this.empty);
  }

  #pair(first: Node, second: Node): Node {
    if (first === this.never || second === this.never) return this.never;
    if (first === this.empty) return second;
    if (second === this.empty) return first;
    const nullable = first.nullable && second.nullable;
    return this.#node(`s${first.id},${second.id}`, { kind: "sequence", first, second, nullable });
  }

  choice(nodes: readonly Node[]): Node {
    const flat = nodes.flatMap((node) => (this.#mayFlatten(node) ? node.nodes : [node]));
    const distinct = [...new Set(flat)].sort((a, b) => a.id - b.id);
    if (distinct.length === 1) return distinct[0]!;
    const nullable = distinct.some((node) => node.nullable);
    return this.#node(`c${distinct.map(({ id }) => id)}`, { kind: "choice", nodes: distinct, nullable });
  }

  /** Long choices are not flattened: a chain of optional parts would take quadratic space. */
  #mayFlatten(node: Node): node is Choice {
    return node.kind === "choice" && node.nodes.length <= MAX_FLATTENED && !this.#single.has(node);
  }

  optional(node: Node): Node {
    return this.choice([this.empty, node]);
  }

  /** @param max may be Infinity */
  repeat(node: Node, min: number, max: number): Node {
    const body = node.nullable ? this.withoutEmpty(node) : node;
    if (node.nullable) min = 0;
    if (max === 0 || (body === this.never && min === 0) || body === this.empty) return this.empty;
    if (body === this.never) return this.never;
    if (min === 1 && max === 1) return body;
    return this.#node(`r${body.id},${min},${max}`, { kind: "repeat", body, min, max, nullable: min === 0 });
  }

  /** The rest of a repetition after one iteration. */
  afterOne({ body, min, max }: Repeat): Node {
    return this.repeat(body, Math.max(min - 1, 0), max - 1);
  }

  /** What may follow `symbol` in a plain node. */
  derive(node: Node, symbol: number): Node {
    switch (node.kind) {
      case "symbols":
        return node.low <= symbol && symbol <= node.high ? this.empty : this.never;
      case "sequence": {
        const begun = this.#pair(this.derive(node.first, symbol), node.second);
        return node.first.nullable ? this.choice([begun, this.derive(node.second, symbol)]) : begun;
      }
      case "choice":
        return this.choice(node.nodes.map((each) => this.derive(each, symbol)));
      default:
        return this.never;
    }
  }

  /** A rule, whose body must be set before {@link Grammar.computeCosts}. */
  rule(): Rule {
    return this.#node(`u${this.nodes.length}`, { kind: "rule", body: this.never, nullable: false }) as Rule;
  }

  /** Memoises `make` by key. */
  cached(key: string, make: () => Node): Node {
    let node = this.#cached.get(key);
    if (!node) this.#cached.set(key, (node = make()));
    return node;
  }

  /** Declares that some string of `node` is one token. */
  isOneToken(node: Node): Node {
    this.#single.add(node);
    node.cost = Math.min(node.cost, 1);
    return node;
  }

  /** Computes all costs, once all rules have bodies: the least fixed point, from Infinity down. */
  computeCosts(): void {
    for (let effort = 0; effort < MAX_EFFORT; effort += this.nodes.length) {
      let changed = false;
      for (const node of this.nodes) {
        const cost = this.#cost(node);
        if (cost < node.cost) {
          node.cost = cost;
          changed = true;
        }
      }
      if (!changed) return;
    }
    throw new WkvError("bad-constraint", "The constraint's definitions refer to each other too deeply: simplify it.");
  }

  /** The same without the empty string. */
  withoutEmpty(node: Node): Node {
    switch (node.kind) {
      case "sequence": {
        const begun = this.#pair(this.withoutEmpty(node.first), node.second);
        return node.first.nullable ? this.choice([begun, this.withoutEmpty(node.second)]) : begun;
      }
      case "choice":
        return node.nullable ? this.choice(node.nodes.map((each) => this.withoutEmpty(each))) : node;
      case "repeat":
        return this.repeat(node.body, Math.max(node.min, 1), node.max);
      case "empty":
        return this.never;
      default:
        return node;
    }
  }

  #node(key: string, shape: Shape<Node>): Node {
    const known = this.#known.get(key);
    if (known) return known;
    if (this.nodes.length >= MAX_NODES)
      throw new WkvError("bad-constraint", `The constraint has more than ${MAX_NODES} parts: make it smaller.`);
    const node = { ...shape, id: this.nodes.length, isPlain: isPlain(shape), cost: Infinity } as Node;
    node.cost = this.#cost(node);
    this.nodes.push(node);
    this.#known.set(key, node);
    return node;
  }

  #cost(node: Node): number {
    return this.#single.has(node) ? Math.min(1, this.#costOfParts(node)) : this.#costOfParts(node);
  }

  #costOfParts(node: Node): number {
    switch (node.kind) {
      case "empty":
        return 0;
      case "symbols":
        return this.#hasToken(node) ? 1 : Infinity;
      case "sequence":
        return node.first.cost + node.second.cost;
      case "choice":
        return node.nodes.reduce((least, { cost }) => Math.min(least, cost), Infinity);
      case "repeat":
        return node.min === 0 ? 0 : node.min * node.body.cost;
      case "rule":
        return node.body.cost;
    }
  }

  #hasToken({ low, high }: Symbols): boolean {
    for (let symbol = low; symbol <= high; symbol++) if (this.#isToken(symbol)) return true;
    return false;
  }
}

function isPlain(shape: Shape<Node>): boolean {
  switch (shape.kind) {
    case "sequence":
      return shape.first.isPlain && shape.second.isPlain;
    case "choice":
      return shape.nodes.every((node) => node.isPlain);
    case "repeat":
    case "rule":
      return false;
    default:
      return true;
  }
}
