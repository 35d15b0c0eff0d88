/**
 * Structured output by JSON schema, regular expression or choices: `import { createConstraint } from "wkv/constraint"`.
 */

import { WkvError } from "../errors.ts";
import { checkNames } from "../options/names.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { utf8, words } from "./characters.ts";
import { type Constraint, grammarConstraint } from "./constraint.ts";
import type { Grammar, Node } from "./grammar.ts";
import { WHITESPACE, type Whitespace } from "./json.ts";
import type { JsonSchema } from "./keywords.ts";
import { matchAll, parseRegex, regexNode } from "./regex.ts";
import { schemaNode } from "./schema.ts";

export { WkvError, type WkvErrorCode } from "../errors.ts";
export type { Constraint } from "./constraint.ts";
export type { Whitespace } from "./json.ts";
export type { JsonSchema } from "./keywords.ts";

/** The permitted texts: one of the three. */
export type ConstraintSource =
  | {
      /** The text is JSON that matches this schema. Supported keywords: docs/constrained.md. */
      schema: JsonSchema;
      /** Where the JSON may have white space. Default "space". */
      whitespace?: Whitespace | undefined;
    }
  | {
      /** The whole text matches this; for a RegExp the flags `u` and `s` are allowed. */
      regex: string | RegExp;
    }
  | {
      /** The text is one of these. */
      choices: readonly string[];
    };

/**
 * A constraint for the tokens of a vocabulary, at the beginning of the text. What it computes is kept for its forks.
 * @throws WkvError `bad-constraint` for a schema or an expression that is wrong, not supported, or holds for no text
 * that the vocabulary can spell; TypeError for other arguments
 * @example
 * const constraint = createConstraint(model.tokenizer, { choices: ["yes", "no"] });
 * let answer = "";
 * for await (const { text } of session.generate("Is it?", { constraint })) answer += text;
 */
export function createConstraint(tokenizer: Tokenizer, source: ConstraintSource): Constraint {
  checkSource(source);
  return grammarConstraint(tokenizer, (grammar) => rootOf(grammar, source));
}

const CONSTRAINT_OPTIONS = { schema: true, regex: true, choices: true, whitespace: true } as const;

/**
 * @throws TypeError that says what a source is
 * @example
 * checkSource({ regex: "[0-9]+" });
 */
export function checkSource(source: ConstraintSource): void {
  const expected = `"constraint" expected one of { schema }, { regex } and { choices }`;
  if (typeof source !== "object" || source === null) throw new TypeError(`${expected}, got ${source}`);
  checkNames(source, CONSTRAINT_OPTIONS, "constraint");
  const { schema, regex, choices, whitespace } = source as Record<string, unknown>;
  const given = Object.entries({ schema, regex, choices }).filter(([, value]) => value !== undefined);
  if (given.length !== 1)
    throw new TypeError(`${expected}, got ${given.map(([name]) => name).join(" and ") || "none"}`);
  if (regex !== undefined && typeof regex !== "string" && !(regex instanceof RegExp))
    throw new TypeError(`"regex" expected a string or a RegExp, got ${typeof regex}`);
  if (choices !== undefined && !(Array.isArray(choices) && choices.length > 0 && choices.every(isText)))
    throw new TypeError(`"choices" expected an array of texts, got ${JSON.stringify(choices)}`);
  if (whitespace !== undefined && !WHITESPACE.includes(whitespace as Whitespace))
    throw new TypeError(`"whitespace" expected one of ${WHITESPACE.join(", ")}, got ${whitespace}`);
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function rootOf(grammar: Grammar, source: ConstraintSource): Node {
  if ("choices" in source && source.choices) return words(grammar, source.choices);
  if ("regex" in source && source.regex !== undefined) return regexRoot(grammar, source.regex);
  const { schema, whitespace = "space" } = source as { schema: JsonSchema; whitespace?: Whitespace };
  return schemaNode(grammar, schema, whitespace);
}

function regexRoot(grammar: Grammar, regex: string | RegExp): Node {
  const flags = typeof regex === "string" ? "" : regex.flags;
  const wrong = flags.replace(/[us]/g, "");
  if (wrong) throw new WkvError("bad-constraint", `The flags "${wrong}" of the RegExp are not supported; u and s are.`);
  const source = typeof regex === "string" ? regex : regex.source;
  const parsed = matchAll(parseRegex(source, "the regular expression", flags.includes("s")), "the regular expression");
  return regexNode(grammar, parsed, (set) => utf8(grammar, set));
}
