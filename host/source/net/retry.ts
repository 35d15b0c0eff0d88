import { TransientError } from "./request.ts";

/** Retries and timeouts of requests. */
export interface RetryControl {
  readonly signal?: AbortSignal | undefined;
  /** Consecutive failures without new bytes before giving up. Default: 5. */
  readonly tries?: number;
  /** Milliseconds before the second attempt, doubled each time. Default: 500. */
  readonly patience?: number;
  /** Milliseconds without data after which a request fails. Default: 30 s. */
  readonly stallAfter?: number;
}

/** Repeats `work` when it fails with a TransientError, with increasing pauses. */
export async function retry<T>(
  { tries = 5, patience = 500, signal }: RetryControl,
  work: (progressed: () => void) => Promise<T>,
): Promise<T> {
  let failures = 0;
  for (;;) {
    try {
      return await work(() => {
        failures = 0;
      });
    } catch (error) {
      if (!(error instanceof TransientError) || ++failures >= tries) throw error;
      await pause(error.retryAfter ?? patience * 2 ** (failures - 1), signal);
    }
  }
}

/** At most half a minute. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      },
      Math.min(ms, 30_000),
    );
    signal?.addEventListener("abort", abort);
  });
}
