import { type Recipe, verdict } from "./link.ts";
import { messageOf, opened } from "./model.ts";
import { form, sampling, seed } from "./settings.ts";
import { addNode, root, startOver } from "./tree.ts";
import { constraintAfter, failure, make, running, setMode, textOf } from "./write.ts";

/** Makes the text of a link, and says whether it has the same bits. */
export async function reproduce(recipe: Recipe): Promise<void> {
  const model = opened.value;
  if (!model || running.value) return;
  const { before, made, digest } = recipe;
  setMode("write");
  startOver();
  sampling.value = recipe.sampling;
  seed.value = recipe.seed;
  form.value = recipe.form ?? { kind: "none", text: "" };
  const prompt = addNode("prompt", root.value, textOf(before));
  prompt.ids = before;
  const node = addNode("answer", prompt, "");
  node.seed = recipe.seed;
  node.from = before.length;
  node.settings = { sampling: recipe.sampling, form: form.value };
  const controller = new AbortController();
  running.value = controller;
  try {
    const constraint = await constraintAfter(model, []);
    const { signal } = controller;
    await make(model, node, before, [], { sampling: recipe.sampling, maxTokens: made, stop: [], constraint, signal });
    verdict.value = node.digest === digest;
  } catch (error) {
    if (!controller.signal.aborted) failure.value = messageOf(error);
  } finally {
    running.value = undefined;
  }
}
