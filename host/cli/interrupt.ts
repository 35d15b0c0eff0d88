import { Interrupted } from "./failure.ts";

/**
 * Does work that Ctrl-C ends by aborting the signal (with an `Interrupted` as reason). A second Ctrl-C ends the program
 * immediately.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = () => controller.abort(new Interrupted());
  process.once("SIGINT", abort);
  try {
    return await work(controller.signal);
  } finally {
    process.off("SIGINT", abort);
  }
}
