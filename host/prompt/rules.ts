import { arrange, splitQuestion } from "./arrange.ts";
import type { SpeakerFormat } from "./formats.ts";

/** A place in a prompt, what is wrong there, and what should stand there instead, where that can be told. */
export interface Spot {
  /** In UTF-16 units, as of JavaScript's strings. */
  readonly index: number;
  readonly length: number;
  /** One sentence. */
  readonly message: string;
  readonly replacement?: string;
}

type Speaker = "user" | "assistant" | "system";

/** A speaker's name and colon at the beginning of a line. */
export interface Label {
  readonly speaker: Speaker;
  /** As it is written. */
  readonly name: string;
  readonly index: number;
  /** Where what is said begins. */
  readonly end: number;
  /** Begins the text, or follows an empty line. */
  readonly startsTurn: boolean;
}

type Find = (text: string, format: SpeakerFormat, labels: readonly Label[]) => Spot[];

/** Names that other models and other generations give to the two who talk. */
const NAMES: Readonly<Record<Speaker, readonly string[]>> = {
  user: ["User", "Human", "Bob"],
  assistant: ["Assistant", "Bot", "Alice", "AI", "ChatGPT"],
  system: ["System"],
};

const LABEL = new RegExp(`^[^\\S\\n]*(${Object.values(NAMES).flat().join("|")})[^\\S\\n]*[:：][^\\S\\n]*`, "gim");

/** Material longer than this before a question is worth turning round. */
const LONG_MATERIAL = 400;

/** The labels of turns: any known name after an empty line, and the format's own at the beginning of any line. */
export function readLabels(text: string, format: SpeakerFormat): Label[] {
  const labels: Label[] = [];
  for (const match of text.matchAll(LABEL)) {
    const name = match[1]!;
    const speaker = speakerNamed(name);
    const startsTurn = /(?:^|\n[^\S\n]*\n)\s*$/.test(text.slice(Math.max(0, match.index - 40), match.index));
    const isOwn = name.toLowerCase() === format[speaker]?.toLowerCase();
    if (startsTurn || isOwn)
      labels.push({ speaker, name, index: match.index, end: match.index + match[0].length, startsTurn });
  }
  return labels;
}

function speakerNamed(name: string): Speaker {
  const lower = name.toLowerCase();
  const speakers = Object.keys(NAMES) as Speaker[];
  return speakers.find((speaker) => NAMES[speaker].some((each) => each.toLowerCase() === lower))!;
}

export const RULES: readonly { readonly rule: string; readonly find: Find }[] = [
  { rule: "byte-order-mark", find: each(/\ufeff/g, "", "A byte order mark is no text.") },
  { rule: "line-end", find: each(/\r\n|[\r\v\f\u0085\u2028\u2029]/g, "\n", 'Lines end with "\\n" alone.') },
  { rule: "control-character", find: each(/[^\P{Cc}\n\t\r\v\f\u0085]+/gu, "", "A control character is no text.") },
  {
    rule: "unicode-space",
    find: each(/[\u00a0\u1680\u2000-\u200a\u202f\u205f]/g, " ", "A space of another kind is another token."),
  },
  { rule: "invisible-character", find: each(/[\u00ad\u180e\u200b\u2060]+/g, "", "An invisible character is a token.") },
  { rule: "foreign-format", find: findForeign },
  { rule: "leading-space", find: findLeading },
  { rule: "trailing-space", find: findTrailing },
  {
    rule: "double-separator",
    find: each(/\n(?:[^\S\r\n]*\n){2,}/g, "\n\n", "One empty line separates turns, not several."),
  },
  {
    rule: "blank-line",
    find: each(/\n[^\S\r\n]+\n(?![^\S\n]*\n)/g, "\n\n", "An empty line is empty: no spaces in it."),
  },
  { rule: "missing-blank-line", find: findMissingLine },
  { rule: "speaker-name", find: findNames },
  { rule: "label-form", find: findForms },
  { rule: "empty-turn", find: findEmptyTurns },
  { rule: "blank-line-in-turn", find: findBlankInTurn },
  { rule: "no-opening", find: findOpening },
  { rule: "no-speaker", find: findNoSpeaker },
  { rule: "think-tag", find: findThinkTag },
  { rule: "thought-in-history", find: findThoughts },
  { rule: "question-last", find: findQuestion },
];

/** A rule that is a pattern. */
function each(pattern: RegExp, replacement: string, message: string): Find {
  return (text) =>
    [...text.matchAll(pattern)].map(({ index, 0: { length } }) => ({ index, length, message, replacement }));
}

/** Other models' marks, and what they are here. */
const FOREIGN: readonly [RegExp, (format: SpeakerFormat, role: string) => string | undefined][] = [
  [/<\|im_start\|>(\w+)\n?/g, ({ user, assistant, system }, role) => label({ user, assistant, system }[role])],
  [/\n?<\|im_end\|>\n?/g, () => "\n\n"],
  [/(?:<s>)?\[INST\][^\S\n]*/g, ({ user }) => label(user)],
  [/ ?\[\/INST\]/g, ({ assistant }) => `\n\n${assistant}:`],
  [/### (?:Instruction|Human|User):[^\S\n]*\n?/g, ({ user }) => label(user)],
  [/### (?:Response|Assistant):/g, ({ assistant }) => `${assistant}:`],
  [/<\|(?:user|assistant|system|endoftext|eot_id)\|>|<\/?s>|<<\/?SYS>>/g, () => undefined],
];

function label(name: string | undefined): string | undefined {
  return name && `${name}: `;
}

function findForeign(text: string, format: SpeakerFormat): Spot[] {
  return FOREIGN.flatMap(([pattern, replace]) =>
    [...text.matchAll(pattern)].map((match) => {
      const replacement = replace(format, match[1] ?? "");
      const message = `${JSON.stringify(match[0].trim())} is another model's mark: here turns are "${format.user}: ..." and "${format.assistant}: ...".`;
      return { index: match.index, length: match[0].length, message, ...(replacement ? { replacement } : {}) };
    }),
  );
}

/** ChatRWKV's prompts for Pile models begin with a line end. */
function findLeading(text: string, { system }: SpeakerFormat): Spot[] {
  const blank = /^\s+/.exec(text)?.[0] ?? "";
  if (blank === "" || blank === text || (blank === "\n" && system === undefined)) return [];
  return [{ index: 0, length: blank.length, message: "A prompt begins with text, not with blanks.", replacement: "" }];
}

function findTrailing(text: string, { assistant }: SpeakerFormat): Spot[] {
  const length = text.length - text.trimEnd().length;
  if (length === 0) return [];
  const isOpening = text.trimEnd().endsWith(`${assistant}:`);
  const message = isOpening
    ? `Nothing stands after "${assistant}:", not even a space: it belongs to the answer's first token.`
    : "A prompt does not end with blanks: they belong to the next token.";
  return [{ index: text.length - length, length, message, replacement: "" }];
}

function findMissingLine(text: string, _: SpeakerFormat, labels: readonly Label[]): Spot[] {
  return labels
    .filter(({ startsTurn }) => !startsTurn)
    .map(({ index, name }) => {
      const from = index - (text[index - 1] === "\n" ? 1 : 0);
      const message = `An empty line comes before "${name}:", or it does not begin a turn.`;
      return { index: from, length: index - from, message, replacement: "\n\n" };
    });
}

function findNames(text: string, format: SpeakerFormat, labels: readonly Label[]): Spot[] {
  return labels.flatMap(({ speaker, name, index, startsTurn }) => {
    const right = format[speaker];
    if (!startsTurn || right === undefined || name === right) return [];
    const message = `"${name}" is "${right}" in this format.`;
    return [{ index: text.indexOf(name, index), length: name.length, message, replacement: right }];
  });
}

/** `Name: text`, no more and no less. */
function findForms(text: string, _: SpeakerFormat, labels: readonly Label[]): Spot[] {
  return labels.flatMap(({ name, index, end }, i) => {
    // What is said may begin on the next line, unless that is a turn of its own.
    const to = /^\n\S/.test(text.slice(end, end + 2)) && labels[i + 1]?.index !== end + 1 ? end + 1 : end;
    const written = text.slice(index, to);
    const isEmpty = to === text.length || text[to] === "\n";
    const right = isEmpty ? `${name}:` : `${name}: `;
    if (written === right || (isEmpty && written.trimEnd() === right)) return [];
    const message = `A turn begins with ${JSON.stringify(right)}, not ${JSON.stringify(written)}.`;
    return [{ index, length: to - index, message, replacement: right }];
  });
}

function findEmptyTurns(text: string, _: SpeakerFormat, labels: readonly Label[]): Spot[] {
  return labels.flatMap(({ name, index, end }, i) => {
    const next = labels[i + 1];
    if (!next || text.slice(end, next.index).trim() !== "") return [];
    return [{ index, length: end - index, message: `"${name}" says nothing.` }];
  });
}

/** Where an empty line ends a turn, what follows is nobody's. Only answers may have paragraphs, where their end is told otherwise. */
function findBlankInTurn(text: string, { stops, system }: SpeakerFormat, labels: readonly Label[]): Spot[] {
  const inAnswers = stops.includes("\n\n");
  return labels.flatMap(({ speaker, end, startsTurn }, i) => {
    if ((speaker === "assistant" && !inAnswers) || !startsTurn || (speaker === "system" && system === undefined))
      return [];
    const said = text.slice(end, labels[i + 1]?.index ?? text.length).trimEnd();
    return [...said.matchAll(/\n\n+(?=[^\s])/g)].map((match) => ({
      index: end + match.index,
      length: match[0].length,
      message: "An empty line ends a turn: inside what somebody says, lines end with one line end.",
      replacement: "\n",
    }));
  });
}

function findOpening(text: string, { assistant }: SpeakerFormat, labels: readonly Label[]): Spot[] {
  if (labels.at(-1)?.speaker !== "user") return [];
  const message = `The prompt ends with "${assistant}:", which asks for the answer.`;
  const index = text.trimEnd().length;
  return [{ index, length: text.length - index, message, replacement: `\n\n${assistant}:` }];
}

function findNoSpeaker(text: string, { user, assistant }: SpeakerFormat, labels: readonly Label[]): Spot[] {
  const said = text.trim();
  if (labels.length > 0 || !/[?？]$/.test(said)) return [];
  const message = `A question that nobody asks is gone on with, not answered: it is said by "${user}:".`;
  return [{ index: 0, length: text.length, message, replacement: `${user}: ${said}\n\n${assistant}:` }];
}

/** What is in the answer's opening: nothing, "<think", or an empty thought, all without the last ">". */
function findThinkTag(text: string, { thinks }: SpeakerFormat, labels: readonly Label[]): Spot[] {
  const last = labels.at(-1);
  if (last?.speaker !== "assistant") return [];
  const at = text.slice(last.end).search(/<think>?(?:\s*<\/think)?>?\s*$/);
  if (at < 0) return [];
  const index = last.end + at;
  const tag = text.slice(index);
  if (!thinks) {
    const from = text.slice(0, index).trimEnd().length;
    return [
      { index: from, length: text.length - from, message: "Models of this generation do not think.", replacement: "" },
    ];
  }
  const right = tag.includes("</think") ? tag.trimEnd().replace(/>$/, "") : "<think";
  const message = 'The last ">" of a thought\'s mark is left to the model: it may be one token with what follows.';
  return tag === right ? [] : [{ index, length: tag.length, message, replacement: right }];
}

function findThoughts(text: string, _: SpeakerFormat, labels: readonly Label[]): Spot[] {
  return labels.slice(0, -1).flatMap(({ speaker, end }, i) => {
    const said = text.slice(end, labels[i + 1]!.index);
    const length = speaker === "assistant" ? (/^<think>.*?<\/think>\s*/s.exec(said)?.[0].length ?? 0) : 0;
    if (length === 0) return [];
    return [{ index: end, length, message: "Thoughts are left out of the history.", replacement: "" }];
  });
}

function findQuestion(text: string, _: SpeakerFormat, labels: readonly Label[]): Spot[] {
  const i = labels.findLastIndex(({ speaker }) => speaker === "user");
  if (i < 0) return [];
  const { end } = labels[i]!;
  const said = text.slice(end, labels[i + 1]?.index ?? text.length).trimEnd();
  const split = splitQuestion([said]);
  if (!split || split[0].length < LONG_MATERIAL || /[?？]\s/.test(split[0].slice(0, LONG_MATERIAL))) return [];
  const message = "The question comes after long material: a model of constant memory has to know it before it reads.";
  return [{ index: end, length: said.length, message, replacement: arrange([said], { questionFirst: true }) }];
}
