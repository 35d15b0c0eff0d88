/** The words of each format, shared by templates and prompt checks. */
import type { Preset } from "../sampling/index.ts";

/** What distinguishes formats whose turns are `Name: text`, separated by an empty line. */
export interface SpeakerFormat {
  readonly name: string;
  readonly user: string;
  readonly assistant: string;
  /** Undefined: the system message has no name. */
  readonly system: string | undefined;
  readonly stops: readonly string[];
  readonly thinks: boolean;
  /** Sampler settings, unless specified otherwise. */
  readonly preset?: Preset;
  /** Whether a prompt begins with the end-of-text token. Default false, as in the authors' programs. */
  readonly startsWithEnd?: boolean;
}

/**
 * The formats of the published generations.
 *
 * - `raven`: RWKV-4 Pile and Raven, as in ChatRWKV. Turns are single paragraphs, so an empty line ends an answer.
 * - `world`: World models of RWKV-4 to 7. Answers may have paragraphs, so the next speaker ends one: a model that has
 *   finished continues with an empty line and "User:".
 * - `g1`: RWKV-7 G0 and G1. Like `world`, with thoughts.
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
