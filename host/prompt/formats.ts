/** The words of each format, which templates and the checks of prompts share. */
import type { Preset } from "../sampling/index.ts";

/** What distinguishes the formats in which turns are `Name: text` with an empty line between them. */
export interface SpeakerFormat {
  readonly name: string;
  readonly user: string;
  readonly assistant: string;
  /** Undefined: what the system says stands there without a name. */
  readonly system: string | undefined;
  readonly stops: readonly string[];
  readonly thinks: boolean;
  /** Settings of the sampler, where nobody says others. */
  readonly preset?: Preset;
  /** Whether a prompt begins with the token that ends a text. Default false, as the authors' own programs do it. */
  readonly startsWithEnd?: boolean;
}

/**
 * The formats of the published generations.
 *
 * - `raven`: RWKV-4 Pile and Raven, as ChatRWKV talks to them. Turns are single paragraphs, so an empty line ends an answer.
 * - `world`: World models of RWKV-4 to 7. Answers may have paragraphs, so the next speaker ends one: a model that is done
 *   goes on with an empty line and "User:".
 * - `g1`: RWKV-7 G0 and G1. As `world`, and it thinks.
 */
export const FORMATS = {
  raven: {
    name: "raven",
    user: "Bob",
    assistant: "Alice",
    system: undefined,
    stops: ["\n\n"],
    thinks: false,
    preset: "pip",
  },
  world: {
    name: "world",
    user: "User",
    assistant: "Assistant",
    system: "System",
    stops: ["\n\nUser:", "\n\nAssistant:", "\n\nSystem:"],
    thinks: false,
    preset: "chat",
  },
  g1: {
    name: "g1",
    user: "User",
    assistant: "Assistant",
    system: "System",
    stops: ["\n\nUser:", "\n\nAssistant:", "\n\nSystem:"],
    thinks: true,
    preset: "chat",
  },
} as const satisfies Record<string, SpeakerFormat>;

export type TemplateName = keyof typeof FORMATS;

export function isTemplateName(name: unknown): name is TemplateName {
  return typeof name === "string" && Object.hasOwn(FORMATS, name);
}
