import { arrange, splitQuestion } from "./arrange.ts";
import type { SpeakerFormat } from "./formats.ts";

/** A position in a prompt, what is wrong there, and the replacement, if there is an obvious one. */
export interface Spot {
  /** In UTF-16 units, like JavaScript strings. */
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
  /** As written. */
  readonly name: string;
  readonly index: number;
  /** Where the turn's text begins. */
  readonly end: number;
  /** At the beginning of the text or after an empty line. */
  readonly startsTurn: boolean;
}

type Find = (text: string, format: SpeakerFormat, labels: readonly Label[]) => Spot[];

/** Names that other models and generations give to the two speakers. */
const NAMES: Readonly<Record<Speaker, readonly string[]>> = {
  user: ["User", "Human", "Bob"],
  assistant: ["Assistant", "Bot", "Alice", "AI", "ChatGPT"],
  system: ["System"],
};

const LABEL = new RegExp(`^[^\\S\\n]*(${Object.values(NAMES).flat().join("|")})[^\\S\\n]*[:：][^\\S\\n]*`, "gim");

/** Material longer than this before a question is worth rearranging. */
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
  { rule: "byte-order-mark", find: each(/\ufeff/g, "", "A byte order mark is not text: remove it.") },
  { rule: "line-end", find: each(/\r\n|[\r\v\f\u0085\u2028\u2029]/g, "\n", 'End lines with "\\n" only.') },
  {
    rule: "control-character",
    find: each(/[^\P{Cc}\n\t\r\v\f\u0085]+/gu, "", "A control character is not text: remove it."),
  },
  {
    rule: "unicode-space",
    find: each(/[\u00a0\u1680\u2000-\u200a\u202f\u205f]/g, " ", "Use a plain space: other kinds are different tokens."),
  },
  {
    rule: "invisible-character",
    find: each(/[\u00ad\u180e\u200b\u2060]+/g, "", "Remove the invisible character: it is a token."),
  },
  { rule: "foreign-format", find: findForeign },
  { rule: "leading-space", find: findLeading },
  { rule: "trailing-space", find: findTrailing },
  {
    rule: "double-separator",
    find: each(/\n(?:[^\S\r\n]*\n){2,}/g, "\n\n", "Separate turns with one empty line, not several."),
  },
  {
    rule: "blank-line",
    find: each(/\n[^\S\r\n]+\n(?![^\S\n]*\n)/g, "\n\n", "Remove the spaces in the empty line."),
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

/** Other models' marks, and their equivalents here. */
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
      const message = `${JSON.stringify(match[0].trim())} belongs to another model's format; here turns are "${format.user}: ..." and "${format.assistant}: ...".`;
      return { index: match.index, length: match[0].length, message, ...(replacement ? { replacement } : {}) };
    }),
  );
}

/** ChatRWKV's prompts for Pile models begin with a line end. */
function findLeading(text: string, { system }: SpeakerFormat): Spot[] {
  const blank = /^\s+/.exec(text)?.[0] ?? "";
  if (blank === "" || blank === text || (blank === "\n" && system === undefined)) return [];
  return [
    { index: 0, length: blank.length, message: "Remove the blanks at the start of the prompt.", replacement: "" },
  ];
}

function findTrailing(text: string, { assistant }: SpeakerFormat): Spot[] {
  const length = text.length - text.trimEnd().length;
  if (length === 0) return [];
  const isOpening = text.trimEnd().endsWith(`${assistant}:`);
  const message = isOpening
    ? `Remove the space after "${assistant}:": it is part of the answer's first token.`
    : "Remove the blanks at the end: they are part of the next token.";
  return [{ index: text.length - length, length, message, replacement: "" }];
}

function findMissingLine(text: string, _: SpeakerFormat, labels: readonly Label[]): Spot[] {
  return labels
    .filter(({ startsTurn }) => !startsTurn)
    .map(({ index, name }) => {
      const from = index - (text[index - 1] === "\n" ? 1 : 0);
      const message = `Put an empty line before "${name}:"; otherwise it does not start a turn.`;
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

/** Exactly `Name: text`. */
function findForms(text: string, _: SpeakerFormat, labels: readonly Label[]): Spot[] {
  return labels.flatMap(({ name, index, end }, i) => {
    // The text may begin on the next line, unless that is another turn.
    const to = /^\n\S/.test(text.slice(end, end + 2)) && labels[i + 1]?.index !== end + 1 ? end + 1 : end;
    const written = text.slice(index, to);
    const isEmpty = to === text.length || text[to] === "\n";
    const right = isEmpty ? `${name}:` : `${name}: `;
    if (written === right || (isEmpty && written.trimEnd() === right)) return [];
    const message = `A turn starts with ${JSON.stringify(right)}, not ${JSON.stringify(written)}.`;
    return [{ index, length: to - index, message, replacement: right }];
  });
}

function findEmptyTurns(text: string, _: SpeakerFormat, labels: readonly Label[]): Spot[] {
  return labels.flatMap(({ name, index, end }, i) => {
    const next = labels[i + 1];
    if (!next || text.slice(end, next.index).trim() !== "") return [];
    return [{ index, length: end - index, message: `The turn of "${name}" is empty.` }];
  });
}

/**
 * If an empty line ends a turn, the text after it has no speaker. Only answers may have paragraphs, in formats that end
 * them otherwise.
 */
function findBlankInTurn(text: string, { stops, system }: SpeakerFormat, labels: readonly Label[]): Spot[] {
  const inAnswers = stops.includes("\n\n");
  return labels.flatMap(({ speaker, end, startsTurn }, i) => {
    if ((speaker === "assistant" && !inAnswers) || !startsTurn || (speaker === "system" && system === undefined))
      return [];
    const said = text.slice(end, labels[i + 1]?.index ?? text.length).trimEnd();
    return [...said.matchAll(/\n\n+(?=[^\s])/g)].map((match) => ({
      index: end + match.index,
      length: match[0].length,
      message: "An empty line ends the turn: use single line ends inside it.",
      replacement: "\n",
    }));
  });
}

function findOpening(text: string, { assistant }: SpeakerFormat, labels: readonly Label[]): Spot[] {
  if (labels.at(-1)?.speaker !== "user") return [];
  const message = `End the prompt with "${assistant}:" to ask for the answer.`;
  const index = text.trimEnd().length;
  return [{ index, length: text.length - index, message, replacement: `\n\n${assistant}:` }];
}

function findNoSpeaker(text: string, { user, assistant }: SpeakerFormat, labels: readonly Label[]): Spot[] {
  const said = text.trim();
  if (labels.length > 0 || !/[?？]$/.test(said)) return [];
  const message = `The question has no speaker, so the model will continue it instead of answering. Start it with "${user}:".`;
  return [{ index: 0, length: text.length, message, replacement: `${user}: ${said}\n\n${assistant}:` }];
}

/** The beginning of the answer in the prompt: nothing, "<think", or an empty thought, each without the last ">". */
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
  const message = 'Leave the last ">" of the tag to the model: it may be one token with what follows.';
  return tag === right ? [] : [{ index, length: tag.length, message, replacement: right }];
}

function findThoughts(text: string, _: SpeakerFormat, labels: readonly Label[]): Spot[] {
  return labels.slice(0, -1).flatMap(({ speaker, end }, i) => {
    const said = text.slice(end, labels[i + 1]!.index);
    const length = speaker === "assistant" ? (/^<think>.*?<\/think>\s*/s.exec(said)?.[0].length ?? 0) : 0;
    if (length === 0) return [];
    return [{ index: end, length, message: "Leave thoughts out of the history.", replacement: "" }];
  });
}

function findQuestion(text: string, _: SpeakerFormat, labels: readonly Label[]): Spot[] {
  const i = labels.findLastIndex(({ speaker }) => speaker === "user");
  if (i < 0) return [];
  const { end } = labels[i]!;
  const said = text.slice(end, labels[i + 1]?.index ?? text.length).trimEnd();
  const split = splitQuestion([said]);
  if (!split || split[0].length < LONG_MATERIAL || /[?？]\s/.test(split[0].slice(0, LONG_MATERIAL))) return [];
  const message = "The question comes after long material: a model of constant memory should read the question first.";
  return [{ index: end, length: said.length, message, replacement: arrange([said], { questionFirst: true }) }];
}
