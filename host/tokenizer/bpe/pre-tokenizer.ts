import { type Finder, finder, GPT2_PATTERN } from "./finder.ts";
import type { PreTokenizerJson } from "./json.ts";
import type { Work } from "./pattern.ts";

/** Cuts a text into the pieces that are encoded one by one. */
export type PreTokenizer = (pieces: readonly string[], work: Work) => readonly string[];

type Span = { readonly start: number; readonly end: number; readonly isMatch: boolean };
type Behavior = (spans: readonly Span[]) => readonly Span[];

/** Pre-tokenizers inside one another. */
const MAX_DEPTH = 20;

/** What becomes of the matches that a text is split at. */
const BEHAVIORS: Readonly<Record<string, Behavior>> = {
  Isolated: (spans) => spans,
  Removed: (spans) => spans.filter(({ isMatch }) => !isMatch),
  Contiguous: (spans) => joined(spans, (before, span) => before.isMatch === span.isMatch),
  MergedWithPrevious: (spans) => joined(spans, (before, span) => span.isMatch && !before.isMatch),
  MergedWithNext: (spans) => joined(spans, (before, span) => before.isMatch && !span.isMatch),
};

/** Those with a separate pattern. */
const NAMED: Readonly<Record<string, (json: PreTokenizerJson) => PreTokenizerJson>> = {
  Digits: ({ individual_digits }) => split(individual_digits ? "\\p{N}" : "\\p{N}+", "Isolated"),
  Punctuation: ({ behavior = "Isolated" }) => split("[\\p{P}$+<=>^`|~]", behavior),
  Whitespace: () => split("\\s+", "Removed", "\\w+|[^\\w\\s]+"),
  WhitespaceSplit: () => split("\\s+", "Removed"),
};

function split(pattern: string, behavior: string, kept?: string): PreTokenizerJson {
  return { type: "Split", pattern: { Regex: kept ?? pattern }, behavior, invert: kept !== undefined };
}

/** @throws SyntaxError for what is damaged or not known */
export function preTokenizer(json: PreTokenizerJson | null | undefined, depth = 0): PreTokenizer {
  if (!json) return (pieces) => pieces;
  if (depth > MAX_DEPTH) throw new SyntaxError("its pre-tokenizers are nested too deeply");
  const { type, pretokenizers = [], behavior = "" } = json;
  if (type === "Sequence") {
    const all = pretokenizers.map((each) => preTokenizer(each, depth + 1));
    return (pieces, work) => all.reduce((before, each) => each(before, work), pieces);
  }
  if (type === "ByteLevel") return byteLevel(json);
  if (type === "Split") {
    const choose = Object.hasOwn(BEHAVIORS, behavior) ? BEHAVIORS[behavior] : undefined;
    if (!choose) throw new SyntaxError(`its behavior ${behavior} is not known`);
    return splitter(finder(json.pattern ?? {}), choose, json.invert === true);
  }
  const own = Object.hasOwn(NAMED, type) ? NAMED[type] : undefined;
  if (!own) throw new SyntaxError(`its pre-tokenizer ${type} is not supported`);
  return preTokenizer(own(json), depth + 1);
}

/** Bytes come later; what is left is the space that it may put before a text, and its pattern. */
function byteLevel({ add_prefix_space: addsSpace = false, use_regex: splits = true }: PreTokenizerJson): PreTokenizer {
  const cut = splits ? splitter(finder({ Regex: GPT2_PATTERN }), (spans) => spans, false) : undefined;
  const spaced = (piece: string) => (piece.startsWith(" ") ? piece : ` ${piece}`);
  return (pieces, work) => {
    const all = addsSpace ? pieces.map(spaced) : pieces;
    return cut ? cut(all, work) : all;
  };
}

function splitter(find: Finder, choose: Behavior, isInverted: boolean): PreTokenizer {
  return (pieces, work) =>
    pieces.flatMap((piece) => {
      work.spend(piece.length / 4);
      return choose(spansOf(piece, find(piece, work), isInverted))
        .filter(({ start, end }) => end > start)
        .map(({ start, end }) => piece.slice(start, end));
    });
}

/** The matches and what is between them. */
function spansOf(text: string, matches: ReturnType<Finder>, isInverted: boolean): Span[] {
  const spans: Span[] = [];
  let from = 0;
  for (const [start, end] of matches) {
    if (start > from) spans.push({ start: from, end: start, isMatch: isInverted });
    spans.push({ start, end, isMatch: !isInverted });
    from = end;
  }
  if (from < text.length) spans.push({ start: from, end: text.length, isMatch: isInverted });
  return spans;
}

function joined(spans: readonly Span[], join: (before: Span, span: Span) => boolean): Span[] {
  const result: Span[] = [];
  let before: Span | undefined;
  for (const span of spans) {
    const last = result.at(-1);
    if (last && before && join(before, span)) result[result.length - 1] = { ...last, end: span.end };
    else result.push(span);
    before = span;
  }
  return result;
}
