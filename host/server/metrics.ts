import type { UsageAnswer } from "./usage.ts";

interface Metric {
  readonly help: string;
  readonly type: "counter" | "gauge";
  read(): number;
}

/** Metrics in Prometheus' format. */
export class Metrics {
  readonly #metrics = new Map<string, Metric>();
  readonly #counts = new Map<string, number>();
  /** By method, route and status. */
  readonly #requests = new Map<string, number>();

  constructor() {
    this.#counter("prompt_tokens", "Prompt tokens, including cached ones.");
    this.#counter("cached_tokens", "Prompt tokens that did not have to be read.");
    this.#counter("completion_tokens", "Tokens made.");
    this.#counter("cancelled", "Requests whose client disconnected.");
  }

  gauge(name: string, help: string, read: () => number): void {
    this.#metrics.set(`wkv_${name}`, { help, type: "gauge", read });
  }

  count(name: "prompt_tokens" | "cached_tokens" | "completion_tokens" | "cancelled", by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  countUsage({ prompt_tokens, completion_tokens, prompt_tokens_details }: UsageAnswer): void {
    this.count("prompt_tokens", prompt_tokens);
    this.count("cached_tokens", prompt_tokens_details.cached_tokens);
    this.count("completion_tokens", completion_tokens);
  }

  /** @param route with parameter names instead of values, so that their number is bounded */
  countRequest(method: string, route: string, status: number): void {
    const labels = `method="${method}",route="${route}",status="${status}"`;
    this.#requests.set(labels, (this.#requests.get(labels) ?? 0) + 1);
  }

  /** The text format, version 0.0.4. */
  toString(): string {
    const lines = [...this.#metrics].flatMap(([name, metric]) => [...head(name, metric), `${name} ${metric.read()}`]);
    const requests = [...this.#requests].map(([labels, count]) => `wkv_requests_total{${labels}} ${count}`);
    return `${[...lines, ...head("wkv_requests_total", REQUESTS), ...requests].join("\n")}\n`;
  }

  #counter(name: string, help: string): void {
    this.#metrics.set(`wkv_${name}_total`, { help, type: "counter", read: () => this.#counts.get(name) ?? 0 });
  }
}

const REQUESTS = { help: "Requests answered.", type: "counter" } as const;

function head(name: string, { help, type }: Pick<Metric, "help" | "type">): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}
