import { jinjaTemplate } from "wkv/chat";
import { createConstraint } from "wkv/constraint";
import { loadTokenizer, type Tokenizer } from "wkv/tokenizer";
import { Choices, EDGES, ODD_STRINGS } from "../choices.ts";
import { mutateJson } from "../mutate-json.ts";
import { mutateLines, mutateTokens } from "../mutate-text.ts";
import { bytesOf, fromText, type Target, textOf } from "../target.ts";

/** Lines that are wrong in every way that a vocabulary's line can be. */
const BAD_LINES = [
  ...[
    "1 'a' 1",
    "0 '' 0",
    "99999999 'z' 1",
    "1048576 'q' 1",
    "5 b'\\xff' 1",
    "7 'é' 2",
    "-1 'a' 1",
    "1.5 'a' 1",
    "",
    " ",
  ],
  ...[
    '12 "it\'s" 4',
    "3 'unterminated",
    "4 b'é' 2",
    "b'a'",
    "'s'",
    "b''",
    "\\n",
    "\\q",
    "{",
    `9 '${"x".repeat(70_000)}' 70000`,
  ],
];

const vocabulary: Target = {
  make(choose, seeds) {
    const name = choose.pick(["world.txt", "world.json", "lines.txt", "symbols.txt", "tokenizer.json"]);
    if (name.endsWith(".json")) return fromText(mutateJson(JSON.parse(seeds.text(name)), choose));
    return mutateLines(seeds.text(name), BAD_LINES, choose);
  },
  async run(input) {
    const tokenizer = await loadTokenizer(bytesOf(input));
    for (const text of ["hello wörld 日本 \u0000\ud800", "  \n\t a'b\"c", "", "x".repeat(300)])
      tokenizer.decode(tokenizer.encode(text));
    for (let id = 0; id < Math.min(20, tokenizer.vocabSize); id++) tokenizer.decode([id]);
  },
};

const JINJA = [
  ...[
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "-",
    "for",
    "in",
    "if",
    "else",
    "endif",
    "endfor",
    "set",
    "macro",
    "endmacro",
  ],
  ...["messages", "range", "(", ")", "[", "]", ".", ",", "|", "tojson", "upper", "join", "length", "trim", "replace"],
  ...["'a'", '"', "'", "0", "-1", "1e9", "==", "<", "+", "*", "**", "%", "~", "and", "or", "not", "is", "defined"],
  ...["namespace", "loop", "role", "content", "true", "none", "raise_exception", "call", "break", "__proto__"],
  ...["constructor", "\\", "\u0000", "{", "}", ":", "=", "[::-1]", "items()", "selectattr", "map", "generation"],
];
const TEMPLATES = [
  "{% for m in messages %}{{ m.role }}: {{ m.content }}\n\n{% endfor %}Assistant:",
  "{%- set ns = namespace(n=0) -%}{%- for m in messages -%}{%- if m['role'] == 'user' -%}User: {{ m['content'] | trim }}" +
    "{%- else %}Assistant: {{ m.content }}{% endif %}{% set ns.n = ns.n + loop.index0 %}{%- endfor -%}",
  "{% macro f(x, y=1) %}{{ x|tojson }}{% endmacro %}{{ f(messages) }}{% for k, v in messages[0].items() %}{{ k ~ v }}{% endfor %}",
];

const template: Target = {
  make: (choose) => fromText(mutateTokens(choose.pick(TEMPLATES), JINJA, choose)),
  async run(input) {
    const made = await jinjaTemplate(textOf(input));
    made.prompt(
      [
        { role: "user", content: "hi" },
        { role: "assistant", content: "yo" },
        { role: "user", content: "{{ x }}" },
      ],
      {},
    );
  },
};

const ATOMS = [
  ...[
    "a",
    ".",
    "\\d",
    "\\w",
    "\\s",
    "[a-z]",
    "[^a]",
    "\\u{1f600}",
    "é",
    "[\\s\\S]",
    "\\b",
    "^",
    "$",
    "(?=a)",
    "(?!a)",
    "(?<n>a)",
  ],
  ...["\\1", "\\p{L}", "[]", "[^]", "", "x{0}", "[z-a]", "\\x41", "\\c", "[^\\D]", "|"],
];
const COUNTS = [
  "*",
  "+",
  "?",
  "{2}",
  "{0,3}",
  "{1000}",
  "{1,100000}",
  "{3,}",
  "{0}",
  "*?",
  "{99999999}",
  "{5,2}",
  "{,5}",
];

function expression(choose: Choices, depth = 0): string {
  let text = "";
  choose.times(4, () => {
    const inner = () => expression(choose, depth + 1);
    const group = depth < 5 && choose.chance(0.4);
    text += group ? `(${inner()}${choose.chance(0.4) ? `|${inner()}` : ""})` : choose.pick(ATOMS);
    if (choose.chance(0.5)) text += choose.pick(COUNTS);
  });
  return text;
}

type Schema = Record<string, unknown>;

/** A schema of any keywords with values of any kind, fitting or not. */
function schema(choose: Choices, depth = 0): Schema {
  if (depth > 6) return {};
  const inner = () => schema(choose, depth + 1 + choose.int(2));
  const edge = () => Number(choose.pick(EDGES));
  const made: Schema = {};
  choose.times(3, () => {
    const [key, value] = choose.pick<[string, () => unknown]>([
      [
        "type",
        () =>
          choose.pick<unknown>(["string", "number", "integer", "object", "array", ["string", "null"], "foo", [], 3]),
      ],
      ["properties", () => ({ a: inner(), [choose.pick(ODD_STRINGS)]: inner() })],
      ["required", () => choose.pick<unknown>([["a"], ["__proto__"], [], "a", ["zz", "a"]])],
      ["items", inner],
      ["prefixItems", () => [inner(), inner()]],
      ["minItems", edge],
      ["maxItems", edge],
      ["enum", () => choose.pick<unknown>([[1, 2, "a"], [], [null], [{ a: 1 }], "x"])],
      ["const", () => choose.pick<unknown>([1, "x", null, { a: [1] }, -0, "\ud800"])],
      ["anyOf", () => [inner(), inner()]],
      ["oneOf", () => [inner()]],
      ["allOf", () => [inner(), inner()]],
      ["not", inner],
      ["$ref", () => choose.pick(["#", "#/$defs/a", "#/$defs/__proto__", "#/properties/a", "http://x/y", "#/%"])],
      ["$defs", () => ({ a: inner(), b: { $ref: "#/$defs/a" } })],
      ["pattern", () => expression(choose, 3)],
      ["minLength", edge],
      ["maxLength", edge],
      ["minimum", () => choose.pick([0, -1, 1e9, 1.5, -1e300, 2 ** 53])],
      ["maximum", () => choose.pick([0, 10, 1e9, -5, 1e300, 0.1])],
      ["multipleOf", () => choose.pick([1, 2, 0.1, 0, -1, 1e-300, 7])],
      ["format", () => choose.pick(["date", "email", "uuid", "foo", "ipv4", "date-time"])],
      ["additionalProperties", () => choose.pick<unknown>([true, false, inner()])],
    ]);
    made[key] = value();
  });
  return made;
}

let bytesTokenizer: Tokenizer | undefined;

/** Walks a constraint for a while: there is always a token to go on with, until it is finished. */
async function walk(form: Parameters<typeof createConstraint>[1], seed: number): Promise<void> {
  bytesTokenizer ??= await loadTokenizer("bytes");
  const constraint = createConstraint(bytesTokenizer, form);
  const choose = new Choices(seed);
  const logits = new Float32Array(256);
  for (let left = 40; left > 24 && !constraint.finished; left--) {
    constraint.mask(logits.fill(0), choose.chance(0.7) ? left : Infinity);
    const allowed = [...logits.keys()].filter((id) => logits[id] !== -Infinity);
    if (constraint.finished) return; // complete, and nothing longer fits into the tokens left
    if (allowed.length === 0) throw new Error("no token is allowed, though the constraint is not finished");
    constraint.accept(choose.pick(allowed));
  }
}

export const textTargets: Record<string, Target> = {
  vocabulary,
  template,
  regex: {
    make: (choose) => fromText(expression(choose)),
    run: (input) => walk({ regex: textOf(input) }, bytesOf(input).length),
  },
  schema: {
    make: (choose) => fromText(JSON.stringify(schema(choose))),
    run: (input) => walk({ schema: JSON.parse(textOf(input)) }, bytesOf(input).length),
  },
};
