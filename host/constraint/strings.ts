import { WkvError } from "../errors.ts";
import { Automaton, DEAD } from "./automaton.ts";
import { ANY, type Characters, characters, type Range } from "./characters.ts";
import { Grammar, type Node, type Rule } from "./grammar.ts";
import type { Json } from "./json.ts";
import { type Lengths, lengthsOf, matchAll, matchSome, parseRegex, type Regex, regexNode } from "./regex.ts";

const CODE_POINTS = 0x110000;
/** Limit for the states when expressions, or an expression and a length, are intersected. */
const MAX_PLACES = 30_000;

const LABEL = "[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?";
const HOST = `${LABEL}(\\.${LABEL}){0,4}`;
const BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
const LEAP_YEAR = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)";
const DATE =
  "([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))" +
  `|${LEAP_YEAR}-02-29)`;
const TIME = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])";

/** Every match has the format; a format may allow further texts. */
const FORMATS: Record<string, string> = {
  date: DATE,
  time: TIME,
  "date-time": `${DATE}T${TIME}`,
  duration:
    "P([0-9]{1,4}W|[0-9]{1,4}D(T[0-9]{1,4}[HMS])?|T[0-9]{1,4}(H([0-9]{1,4}M([0-9]{1,4}S)?)?|M([0-9]{1,4}S)?|S))",
  uuid: "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
  email: `[A-Za-z0-9_+-]{1,30}(\\.[A-Za-z0-9_+-]{1,30})?@${LABEL}(\\.${LABEL}){1,4}`,
  hostname: HOST,
  ipv4: `${BYTE}(\\.${BYTE}){3}`,
  uri: `https?://${HOST}(:[1-9][0-9]{0,3})?(/[A-Za-z0-9._~-]{0,60}){0,8}(\\?[A-Za-z0-9._~=&-]{0,100})?(#[A-Za-z0-9._~-]{0,60})?`,
};

/** All restrictions of a string. */
export interface StringRules {
  readonly minLength: number;
  /** In code points; Infinity: unlimited. */
  readonly maxLength: number;
  /** Expressions that must each match some part. */
  readonly patterns: readonly string[];
  readonly formats: readonly string[];
}

/**
 * A JSON string. If only its length is restricted it may use every escape; else every character is written in one way.
 * @throws WkvError `bad-constraint` for an expression or format that is not supported
 */
export function stringNode(json: Json, rules: StringRules, where: string): Node {
  const { minLength, maxLength, patterns, formats } = rules;
  if (minLength > maxLength) return json.grammar.never;
  if (patterns.length + formats.length === 0)
    return json.quoted(json.grammar.repeat(json.character, minLength, maxLength));
  const all = [
    ...patterns.map((pattern) => matchSome(parseRegex(pattern, `"pattern" at ${where}`), `"pattern" at ${where}`)),
    ...formats.map((format) => formatRegex(format, where)),
  ];
  if (!all.some((regex) => isWithin(lengthsOf(regex), minLength, maxLength)))
    all.push({ kind: "repeat", body: { kind: "characters", set: ANY }, min: minLength, max: maxLength });
  const encode = (set: Characters) => json.encode(set);
  const [only] = all;
  return json.quoted(all.length === 1 ? regexNode(json.grammar, only!, encode) : intersection(json, all, where));
}

/** Whether every match has a permitted length, so that the length needs no automaton. */
function isWithin({ min, max }: Lengths, minLength: number, maxLength: number): boolean {
  return min >= minLength && max <= maxLength;
}

function formatRegex(format: string, where: string): Regex {
  const source = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
  if (source === undefined)
    throw new WkvError(
      "bad-constraint",
      `The format "${format}" at ${where} is not supported; supported are ${Object.keys(FORMATS).join(", ")}.`,
    );
  return matchAll(parseRegex(source, format), format);
}

/**
 * Strings that match all the expressions: the product of their automata, a rule for each reachable pair of states. It
 * is regular and finite, so the costs show whether a string can still be completed.
 */
function intersection(json: Json, regexes: readonly Regex[], where: string): Node {
  const grammar = new Grammar();
  const oneOf = (set: Characters) => grammar.choice(set.map(([low, high]) => grammar.symbols(low, high)));
  const roots = regexes.map((regex) => regexNode(grammar, regex, oneOf));
  const automaton = new Automaton(grammar, CODE_POINTS);
  const rules = new Map<string, Rule>();
  const open: { states: readonly number[]; rule: Rule }[] = [];
  const ruleOf = (states: readonly number[]): Rule => {
    const key = states.join();
    let rule = rules.get(key);
    if (rule) return rule;
    if (rules.size >= MAX_PLACES)
      throw new WkvError(
        "bad-constraint",
        `The string at ${where} combines a pattern or format with lengths or other patterns in more than ` +
          `${MAX_PLACES} cases: lower "maxLength", or write the length into the pattern.`,
      );
    rule = json.grammar.rule();
    rules.set(key, rule);
    open.push({ states, rule });
    return rule;
  };
  const root = ruleOf(roots.map((node) => automaton.enter(node)));
  for (let next = open.pop(); next; next = open.pop()) {
    const { states, rule } = next;
    const ways = [...waysOn(automaton, states, ruleOf)].map(([after, ranges]) =>
      json.grammar.sequence([json.encode(characters(ranges)), after]),
    );
    if (states.every((state) => automaton.isComplete(state))) ways.push(json.grammar.empty);
    rule.body = json.grammar.choice(ways);
  }
  return root;
}

/** Characters by the state they lead to. */
function waysOn(automaton: Automaton, states: readonly number[], ruleOf: (states: readonly number[]) => Rule) {
  const ways = new Map<Rule, Range[]>();
  for (let symbolClass = 0; symbolClass < automaton.classes; symbolClass++) {
    const after = states.map((state) => automaton.step(state, symbolClass));
    if (after.includes(DEAD)) continue;
    const rule = ruleOf(after);
    const range: Range = [automaton.starts[symbolClass]!, (automaton.starts[symbolClass + 1] ?? CODE_POINTS) - 1];
    const ranges = ways.get(rule);
    if (ranges) ranges.push(range);
    else ways.set(rule, [range]);
  }
  return ways;
}
