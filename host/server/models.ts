import { type ChatTemplate, chooseTemplate } from "../chat/index.ts";
import type { Model } from "../model/model.ts";
import { checkModel } from "../options/values.ts";
import { HttpError } from "./errors.ts";

/** A model by name; a promise while it is being loaded. */
export type ServedModels = Model | Readonly<Record<string, Model | Promise<Model>>>;

export interface ServedModel {
  readonly name: string;
  readonly model: Model;
  /** @throws HttpError 500 if the template cannot be used */
  template(): Promise<ChatTemplate>;
}

/** The models of a server. */
export class Models {
  readonly created = Math.floor(Date.now() / 1000);
  readonly #models = new Map<string, Model | Promise<Model>>();
  readonly #failed = new Set<string>();
  readonly #templates = new Map<string, Promise<ChatTemplate>>();
  readonly #template: string | ChatTemplate | undefined;

  /** @param template for all models; default: each model's own */
  constructor(models: ServedModels, template?: string | ChatTemplate) {
    this.#template = template;
    if (typeof models !== "object" || models === null || models instanceof Promise) checkModel(models, "models");
    const named = isModel(models) ? { [models.info.name]: models } : models;
    for (const [name, model] of Object.entries(named)) {
      if (!(model instanceof Promise)) checkModel(model, name);
      this.#models.set(name, model);
      if (model instanceof Promise) this.#waitFor(name, model);
    }
    if (this.#models.size === 0) throw new RangeError('"models" expected at least one model, got none');
  }

  #waitFor(name: string, model: Promise<Model>): void {
    model.then(
      (loaded) => this.#models.set(name, loaded),
      () => this.#failed.add(name),
    );
  }

  /** The loaded models. */
  get loaded(): ServedModel[] {
    return [...this.#models].flatMap(([name, model]) => (model instanceof Promise ? [] : [this.#served(name, model)]));
  }

  get ready(): boolean {
    return this.loaded.length === this.#models.size;
  }

  /**
   * A single model answers to every name: many programs have a name such as gpt-4o-mini built in.
   * @throws HttpError 404 for an unknown name among several, 503 while the model is being loaded
   */
  get(wanted?: string): ServedModel {
    const only = this.#models.size === 1 ? [...this.#models.keys()][0] : undefined;
    const name = only ?? wanted ?? [...this.#models.keys()][0]!;
    const model = this.#models.get(name);
    if (!model) throw this.#unknown(name);
    if (!(model instanceof Promise)) return this.#served(name, model);
    const message = this.#failed.has(name)
      ? "The model could not be loaded: see the server's log."
      : "The model is still being loaded: try again in a few seconds.";
    throw new HttpError(503, message, { code: "model_not_ready", headers: { "retry-after": "2" } });
  }

  #served(name: string, model: Model): ServedModel {
    return { name, model, template: () => this.#templateOf(name, model) };
  }

  #templateOf(name: string, model: Model): Promise<ChatTemplate> {
    const known = this.#templates.get(name);
    if (known) return known;
    const chosen = chooseTemplate(model, this.#template).catch((cause) => {
      throw new HttpError(500, "The model's chat template cannot be used: see the server's log.", { cause });
    });
    this.#templates.set(name, chosen);
    return chosen;
  }

  #unknown(name: string): HttpError {
    const names = [...this.#models.keys()].join(", ");
    return new HttpError(404, `There is no model "${name.slice(0, 100)}" here: the models are ${names}.`, {
      param: "model",
      code: "model_not_found",
    });
  }

  /** OpenAI's model object. */
  describe({ name, model }: ServedModel) {
    const { architecture, version, layers, width, vocabSize, weights, bytes, stateBytes } = model.info;
    const meta = {
      architecture,
      version,
      layers,
      width,
      vocab_size: vocabSize,
      weights,
      bytes,
      state_bytes: stateBytes,
    };
    return { id: name, object: "model" as const, created: this.created, owned_by: "wkv", meta };
  }

  list() {
    return { object: "list" as const, data: this.loaded.map((each) => this.describe(each)) };
  }
}

function isModel(models: ServedModels): models is Model {
  return typeof (models as Model).createSession === "function";
}
