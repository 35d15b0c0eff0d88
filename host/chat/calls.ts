import { type Constraint, grammarConstraint } from "../constraint/constraint.ts";
import type { Grammar, Node } from "../constraint/grammar.ts";
import { Json } from "../constraint/json.ts";
import { schemaNode } from "../constraint/schema.ts";
import { WkvError } from "../errors.ts";
import { beginningAtEnd } from "../session/stop-filter.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { type AnswerStart, BARE_CALLS, BLANKS, FENCE, THOUGHT, THOUGHT_END } from "./marks.ts";
import type { Tool } from "./messages.ts";

/** The permitted answers. */
export interface AnswerRules {
  readonly tools: readonly Tool[];
  readonly at: AnswerStart;
  /** Whether an answer may begin with a thought. */
  readonly thinks: boolean;
  /** Whether a call is required. */
  readonly required: boolean;
  /** Whether at most one call is allowed; else also an array of calls. */
  readonly one: boolean;
}

/** The last constraint of each vocabulary: the next answer often has the same tools, and can reuse its tables. */
const kept = new WeakMap<Tokenizer, { key: string; constraint: Constraint }>();

/**
 * Constrains answers so that every call names a function and has arguments that match its schema. The text before a
 * call is free, and a call ends the answer.
 * @param prefill of the answer
 * @throws WkvError `bad-constraint` naming the function whose schema is not supported; RangeError if `prefill` cannot
 *   be continued to such an answer
 */
export function answerConstraint(tokenizer: Tokenizer, rules: AnswerRules, prefill: string): Constraint {
  const key = JSON.stringify(rules);
  let { constraint, key: known } = kept.get(tokenizer) ?? {};
  if (!constraint || key !== known) {
    constraint = grammarConstraint(tokenizer, (grammar) => new Answers(grammar, rules).root());
    kept.set(tokenizer, { key, constraint });
  }
  const own = constraint.fork();
  for (const token of tokenizer.encode(prefill)) accept(own, token);
  return own;
}

function accept(constraint: Constraint, token: number): void {
  try {
    constraint.accept(token);
  } catch (cause) {
    throw new RangeError('"messages" expected a last answer that can be continued with calls of these tools', {
      cause,
    });
  }
}

/** Texts in which a mark is searched, as rules of one byte each, and the calls after it. */
class Answers {
  readonly #grammar: Grammar;
  readonly #rules: AnswerRules;
  readonly #json: Json;
  /** For each of {@link BARE_CALLS}: what follows the mark. */
  readonly #afterBare: readonly Node[];
  readonly #afterFence: Node;

  constructor(grammar: Grammar, rules: AnswerRules) {
    this.#grammar = grammar;
    this.#rules = rules;
    this.#json = new Json(grammar, "space");
    const call = grammar.choice(rules.tools.map((tool) => this.#afterName(tool.function)));
    const next = grammar.sequence([this.#json.comma, this.#json.text(BARE_CALLS[0]), call]);
    const several = grammar.sequence([call, grammar.repeat(next, 0, Infinity), this.#json.text("]")]);
    this.#afterBare = [call, rules.one ? grammar.never : several];
    const marked = this.#afterBare.map((after, i) => grammar.sequence([this.#json.text(BARE_CALLS[i]!), after]));
    this.#afterFence = grammar.sequence([this.#json.text("\n"), grammar.choice(marked)]);
  }

  root(): Node {
    const { at, thinks } = this.#rules;
    if (at === "call") return this.#afterFence;
    const answer = this.#answer();
    if (at === "closed") return this.#grammar.sequence([this.#grammar.optional(this.#json.text(">")), answer]);
    if (at === "start" && !thinks) return answer;
    const thought = this.#until(THOUGHT_END, answer)[0]!;
    return at === "opened" ? thought : this.#answer(thought);
  }

  /** A call after `{"name"`. */
  #afterName({ name, parameters, strict = true }: Tool["function"]): Node {
    const { colon, comma } = this.#json;
    const schema = !strict ? {} : (parameters ?? { properties: {}, additionalProperties: false });
    try {
      const given = schemaNode(this.#grammar, { type: "object", ...schema }, "space");
      const [key, end] = [this.#json.text('"arguments"'), this.#json.text("}")];
      return this.#grammar.sequence([colon, this.#json.literals([name]), comma, key, colon, given, end]);
    } catch (error) {
      if (!(error instanceof WkvError)) throw error;
      const advice = `Fix the parameters of the function "${name}", or set "strict": false for arbitrary arguments.`;
      throw new WkvError(error.code, `${error.message} ${advice}`, { cause: error });
    }
  }

  /** A whole answer. @param thought what follows a thought's mark, if thoughts are allowed */
  #answer(thought?: Node): Node {
    const text = this.#until(FENCE, this.#afterFence);
    const marks = BARE_CALLS.map((mark, i) => [mark, this.#afterBare[i]!] as const);
    const start = this.#grammar.rule();
    const ways = new Map<string, Node>([[FENCE[0]!, text[1]!]]);
    for (const blank of BLANKS) ways.set(blank, start);
    for (const [mark, after] of thought ? [...marks, [THOUGHT, thought] as const] : marks)
      ways.set(mark[0]!, this.#begun(mark, 1, after, text));
    start.body = this.#byte(ways, text[0]!);
    return start;
  }

  /** After the first characters of a mark: the rest of it, or other text. No mark here contains part of the fence. */
  #begun(mark: string, read: number, after: Node, text: readonly Node[]): Node {
    if (read === mark.length) return after;
    const ways = new Map([[FENCE[0]!, text[1]!]]);
    return this.#byte(ways.set(mark[read]!, this.#begun(mark, read + 1, after, text)), text[0]!);
  }

  /** Any text up to a mark, and what follows it: at node `i` the first `i` characters of the mark have been read. */
  #until(mark: string, after: Node): readonly Node[] {
    const rules = Array.from(mark, () => this.#grammar.rule());
    for (const [i, rule] of rules.entries()) {
      const ways = new Map<string, Node>();
      for (const character of mark) {
        const come = beginningAtEnd(mark.slice(0, i) + character, mark);
        ways.set(character, rules[come] ?? after);
      }
      rule.body = this.#byte(ways, rules[0]!);
    }
    return rules;
  }

  /** One more byte and what follows it, by character. The text may end before it, unless a call is required. */
  #byte(ways: ReadonlyMap<string, Node>, others: Node): Node {
    const grammar = this.#grammar;
    const nodes = this.#rules.required ? [] : [grammar.empty];
    let from = 0;
    for (const character of [...ways.keys()].sort()) {
      const code = character.charCodeAt(0);
      if (from < code) nodes.push(grammar.sequence([grammar.symbols(from, code - 1), others]));
      nodes.push(grammar.sequence([grammar.symbols(code, code), ways.get(character)!]));
      from = code + 1;
    }
    return grammar.choice([...nodes, grammar.sequence([grammar.symbols(from, 0xff), others])]);
  }
}
