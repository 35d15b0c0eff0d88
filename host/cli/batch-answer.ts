import type { Server } from "../server/index.ts";
import type { Answered, Job } from "./batch-file.ts";

/** Answers one line of a batch. A request that is wrong has its error as its answer. */
export async function answerJob({ fetch }: Server, job: Job, signal: AbortSignal): Promise<Answered> {
  const { custom_id, url, body } = job;
  const response = await fetch(
    new Request(new URL(url, "http://localhost"), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...(body as object), stream: false }),
      signal,
    }),
  );
  const request_id = crypto.randomUUID();
  const answered = { status_code: response.status, request_id, body: await response.json() };
  return { id: `batch_req_${request_id}`, custom_id, response: answered, error: null };
}
