/** Counters the forgetting of a constant-size state: the question is read first, or everything is read twice. */

export interface Arrangement {
  /**
   * Puts the question before the material: a model with constant memory needs to know what to look for while it reads.
   * The question is the last of several parts; of one text its last line or sentence. A text without one is unchanged.
   */
  questionFirst?: boolean | undefined;
  /**
   * Gives material and question twice ("Just read twice", arXiv 2407.05483): on the second reading the model knows what
   * matters. A single line without material is unchanged.
   */
  readTwice?: boolean | undefined;
}

export const ARRANGEMENT_OPTIONS = { questionFirst: true, readTwice: true } as const satisfies Record<
  keyof Arrangement,
  true
>;

/** Longest last paragraph without a question mark that counts as the request about the material before it. */
const LONGEST_REQUEST = 300;

/**
 * Arranges material and a question.
 * @param parts one text, or material and question as parts
 * @param joint the text between question and material, and between two readings
 */
export function arrange(parts: readonly string[], { questionFirst, readTwice }: Arrangement, joint = "\n"): string {
  const whole = parts.join(joint);
  if (!questionFirst && !readTwice) return whole;
  const split = splitQuestion(parts);
  const once = questionFirst && split ? split[1] + joint + split[0] : whole;
  return readTwice && (split || whole.trim().includes("\n")) ? once + joint + once : once;
}

/**
 * Material and question. Of several parts the last is the question. Of one text it is the last line, if it ends with a
 * question mark or is a short separate paragraph after material that begins with neither a question nor a request; of a
 * single line it is the last sentence, if it ends with a question mark.
 * @returns undefined if there is no question, or no material
 */
export function splitQuestion(parts: readonly string[]): [material: string, question: string] | undefined {
  if (parts.length > 1) return [parts.slice(0, -1).join("\n"), parts.at(-1)!];
  const text = (parts[0] ?? "").trim();
  const at = text.includes("\n") ? lastLine(text) : lastSentence(text);
  const [material, question] = [text.slice(0, at).trimEnd(), text.slice(at)];
  return material && question ? [material, question] : undefined;
}

/** Start of the last line, if it is a question; else 0. */
function lastLine(text: string): number {
  const at = text.lastIndexOf("\n") + 1;
  if (/[?？]$/.test(text)) return at;
  const isParagraph = /\n[^\S\n]*\n$/.test(text.slice(Math.max(0, at - 99), at));
  const asksBefore = /[?？:：]$/.test(text.slice(0, text.indexOf("\n")).trimEnd());
  return isParagraph && !asksBefore && text.length - at <= LONGEST_REQUEST ? at : 0;
}

function lastSentence(text: string): number {
  if (!/[?？]$/.test(text)) return 0;
  const before = [...text.slice(0, -1).matchAll(/[.!?…]\s+|[。！？]\s*/g)].at(-1);
  return before ? before.index + before[0].length : 0;
}

const USER = /(?:^|\n\n)(?:User|Human|Bob|Question|Instruction): /g;
const ASSISTANT = /\n\n(?:Assistant|Bot|Alice|Answer|Response):[^\n]*$/;

/**
 * The same for a whole prompt: applied to the last user turn if it is a chat that asks for an answer, else to all of
 * it, with an empty line between two readings.
 */
export function arrangePrompt(prompt: string, options: Arrangement): string {
  if (!options.questionFirst && !options.readTwice) return prompt;
  const user = [...prompt.matchAll(USER)].at(-1);
  const end = prompt.search(ASSISTANT);
  const from = user ? user.index + user[0].length : -1;
  if (from < 0 || end < from) return arrange([prompt], options, "\n\n");
  return prompt.slice(0, from) + arrange([prompt.slice(from, end)], options) + prompt.slice(end);
}
