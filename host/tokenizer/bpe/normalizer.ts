import { finder } from "./finder.ts";
import type { NormalizerJson } from "./json.ts";
import type { Work } from "./pattern.ts";

export type Normalizer = (text: string, work: Work) => string;

const FORMS = ["NFC", "NFD", "NFKC", "NFKD"];
/** Normalizers inside one another. */
const MAX_DEPTH = 20;
const SPACES_BEFORE = /^\p{White_Space}+/u;

/** @throws SyntaxError for what is damaged or not known */
export function normalizer(json: NormalizerJson | null | undefined, depth = 0): Normalizer {
  if (!json) return (text) => text;
  if (depth > MAX_DEPTH) throw new SyntaxError("its normalizers are nested too deeply");
  const { type, normalizers = [], prepend = "" } = json;
  if (FORMS.includes(type)) return (text) => text.normalize(type);
  if (type === "Sequence") return inSequence(normalizers.map((each) => normalizer(each, depth + 1)));
  if (type === "Replace") return replacer(json);
  if (type === "Lowercase") return (text) => text.replace(/./gsu, (character) => character.toLowerCase());
  if (type === "StripAccents") return (text) => text.replace(/\p{M}/gu, "");
  if (type === "Prepend") return (text) => (text === "" ? text : `${prepend}${text}`);
  if (type === "Strip") return stripper(json);
  throw new SyntaxError(`its normalizer ${type} is not supported`);
}

/** What each does is counted: texts may grow. */
function inSequence(all: readonly Normalizer[]): Normalizer {
  return (text, work) =>
    all.reduce((before, each) => {
      const after = each(before, work);
      work.spend(after.length);
      return after;
    }, text);
}

function replacer({ pattern = {}, content = "" }: NormalizerJson): Normalizer {
  const find = finder(pattern);
  return (text, work) => {
    const parts: string[] = [];
    let from = 0;
    for (const [start, end] of find(text, work)) {
      work.spend(1 + content.length);
      parts.push(text.slice(from, start), content);
      from = end;
    }
    return parts.join("") + text.slice(from);
  };
}

function stripper({ strip_left, strip_right }: NormalizerJson): Normalizer {
  return (text) => {
    const left = strip_left ? text.replace(SPACES_BEFORE, "") : text;
    return strip_right ? withoutSpacesBehind(left) : left;
  };
}

/** Not an expression with $: it would try again at each of many spaces. */
export function withoutSpacesBehind(text: string): string {
  let end = text.length;
  while (end > 0 && /\p{White_Space}/u.test(text[end - 1] as string)) end--;
  return text.slice(0, end);
}
