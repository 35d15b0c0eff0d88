/** Conversations: `import { chat, createChat } from "wkv/chat"`. */

export { checkPrompt, type Finding, fixPrompt } from "../prompt/check.ts";
export { cleanAnswer, cleanTurn } from "../prompt/clean.ts";
export type { SpeakerFormat, TemplateName } from "../prompt/formats.ts";
export { Chat } from "./chat.ts";
export { chooseTemplate } from "./choose.ts";
export { chat, createChat, loadChat } from "./create.ts";
export { encodePrompt } from "./encode.ts";
export { FILL_STOP, fillPrompt } from "./fill.ts";
export { type AnswerGuide, guideAnswer } from "./guide.ts";
export { jinjaTemplate } from "./jinja/template.ts";
export type { AssistantMessage, ChatMessage, Role, TextPart, Tool, ToolCall, ToolChoice } from "./messages.ts";
export type { AnswerOptions, ChatInput, ChatOptions } from "./options.ts";
export type { Answer, ChatPiece, ChatResult, ChatStop } from "./stream.ts";
export {
  type ChatTemplate,
  type Prompt,
  type PromptOptions,
  speakerTemplate,
  type ThinkMode,
} from "./template.ts";
export { templates } from "./templates.ts";
