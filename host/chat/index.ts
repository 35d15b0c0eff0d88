/** Conversations: `import { chat, createChat } from "wkv/chat"`. */

export { checkPrompt, type Finding, fixPrompt } from "../prompt-check.ts";
export {
  type AnswerOptions,
  Chat,
  type ChatOptions,
  chat,
  createChat,
  loadChat,
  type Said,
} from "./chat.ts";
export { chooseTemplate } from "./choose.ts";
export { cleanAnswer, cleanTurn } from "./clean.ts";
export { encodePrompt } from "./encode.ts";
export { FILL_STOP, fillPrompt } from "./fill.ts";
export type { SpeakerFormat, TemplateName } from "./formats.ts";
export { jinjaTemplate } from "./jinja.ts";
export type { AssistantMessage, ChatMessage, Role, TextPart, Tool, ToolCall, ToolChoice } from "./messages.ts";
export type { Answer, ChatPiece, ChatResult, ChatStop } from "./stream.ts";
export {
  type ChatTemplate,
  type Prompt,
  type PromptOptions,
  speakerTemplate,
  type ThinkMode,
} from "./template.ts";
export { templates } from "./templates.ts";
