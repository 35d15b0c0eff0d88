import { kindOf } from "./names.ts";

/** @throws TypeError for what is not a model, such as the promise of one */
export function checkModel(model: unknown, name = "model"): void {
  if (typeof (model as { createSession?: unknown } | null | undefined)?.createSession !== "function")
    throw new TypeError(`"${name}" expected a model, got ${kindOf(model)}: give what loadModel resolves with`);
}

/** @throws TypeError for what is not a text, or an empty one */
export function checkText(text: unknown, name: string): void {
  if (typeof text !== "string" || text === "")
    throw new TypeError(`"${name}" expected a text, got ${text === "" ? "an empty one" : kindOf(text)}`);
}
