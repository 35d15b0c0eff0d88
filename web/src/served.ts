// Chat with the models of the server that the page is from, over its API: for models that are too large for a browser.
import { signal } from "@preact/signals";
import { messageOf } from "./model.ts";
import { constraintOf, form, maxTokens, sampling, seed } from "./settings.ts";

/** Base URL of the API; undefined where the page is from a static host. `wkv serve` writes it into the page. */
const API = document.querySelector<HTMLMetaElement>('meta[name="wkv-api"]')?.content;

export const isServed = API !== undefined;

export interface Said {
  readonly role: "user" | "assistant";
  readonly content: string;
  /** What a reasoning model thought before. */
  readonly thought: string;
}

export const servedModels = signal<readonly string[]>([]);
export const servedModel = signal("");
/** Whether the server asks for a key. */
export const needsKey = signal(false);
export const apiKey = signal(sessionStorage.getItem("api-key") ?? "");
export const said = signal<readonly Said[]>([]);
/** Stops the answer that is coming. */
export const answering = signal<AbortController | undefined>(undefined);
/** Of the last answer. */
export const tokensPerSecond = signal<number | undefined>(undefined);
export const serverFailure = signal<string | undefined>(undefined);

export function setApiKey(key: string): void {
  apiKey.value = key;
  sessionStorage.setItem("api-key", key);
}

/** @throws Error with the server's sentence */
async function request(path: string, body?: object, signal?: AbortSignal): Promise<Response> {
  const response = await fetch(`${API}${path}`, {
    method: body ? "POST" : "GET",
    headers: {
      "content-type": "application/json",
      ...(apiKey.value && { authorization: `Bearer ${apiKey.value}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  });
  needsKey.value = response.status === 401;
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({ error: undefined }));
  throw new Error(error?.message ?? `${response.status} ${response.statusText}`);
}

export async function listServed(): Promise<void> {
  try {
    const { data } = (await (await request("/models")).json()) as { data: readonly { id: string }[] };
    servedModels.value = data.map(({ id }) => id);
    servedModel.value ||= servedModels.value[0] ?? "";
    serverFailure.value = undefined;
  } catch (error) {
    serverFailure.value = messageOf(error);
  }
}

/** Says something to the server's model; the answer grows in `said`. */
export async function say(content: string): Promise<void> {
  const controller = new AbortController();
  answering.value = controller;
  serverFailure.value = undefined;
  const messages = [...said.value, { role: "user", content, thought: "" } as const];
  try {
    let first = 0;
    const response = await request("/chat/completions", bodyFor(messages), controller.signal);
    let answer: Said = { role: "assistant", content: "", thought: "" };
    for await (const { choices, usage } of chunksOf(response)) {
      const { content = "", reasoning_content: thought = "" } = choices[0]?.delta ?? {};
      answer = { ...answer, content: answer.content + (content ?? ""), thought: answer.thought + (thought ?? "") };
      said.value = [...messages, answer];
      if (content || thought) first ||= performance.now();
      if (usage) tokensPerSecond.value = (1000 * (usage.completion_tokens - 1)) / (performance.now() - first);
    }
  } catch (error) {
    if (!controller.signal.aborted) serverFailure.value = messageOf(error);
  } finally {
    answering.value = undefined;
  }
}

function bodyFor(messages: readonly Said[]): object {
  const { temperature, topP, topK, presencePenalty, frequencyPenalty, penaltyDecay } = sampling.value;
  return {
    model: servedModel.value,
    messages: messages.map(({ role, content }) => ({ role, content })),
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: maxTokens.value,
    temperature,
    top_p: topP,
    top_k: topK,
    presence_penalty: presencePenalty,
    frequency_penalty: frequencyPenalty,
    penalty_decay: penaltyDecay,
    seed: seed.value,
    structured_outputs: structure(),
  };
}

function structure(): object | undefined {
  const given = constraintOf(form.value);
  if (!given) return undefined;
  if ("schema" in given) return { json: given.schema };
  return "regex" in given ? given : { choice: given.choices };
}

interface Chunk {
  readonly choices: readonly { delta: { content?: string | null; reasoning_content?: string | null } }[];
  readonly usage?: { completion_tokens: number } | null;
}

/** The events of a stream. */
async function* chunksOf({ body }: Response): AsyncGenerator<Chunk> {
  const decoder = new TextDecoder();
  const reader = body!.getReader();
  let rest = "";
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const data = line.startsWith("data: ") && line.slice("data: ".length).trim();
      if (data && data !== "[DONE]") yield chunkOf(JSON.parse(data));
    }
  }
}

/** @throws Error for what went wrong after the answer began */
function chunkOf(event: Chunk & { error?: { message: string } }): Chunk {
  if (event.error) throw new Error(event.error.message);
  return event;
}
