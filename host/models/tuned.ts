import { WkvError } from "../errors.ts";
import type { Weights } from "./names.ts";
import type { Shape } from "./recipe.ts";
import type { Weight } from "./weights.ts";

/**
 * The tensors of state tuning: blocks.N.att.time_state, [heads, values, keys], the state that each layer starts with.
 * RWKV-5, 6 and 7 have them in a file of their own or among the model's tensors.
 * @returns one for each layer, or undefined when there is none
 * @throws WkvError `bad-state` when they do not fit the model
 */
export function collectTunedState(weights: Weights, shape: Shape, file: string): Weight[] | undefined {
  if (![...weights.keys()].some((name) => /^blocks\.\d+\.att\.time_state$/.test(name))) return undefined;
  const { arch, layers, width, headSize } = shape;
  const expected = [width / headSize, headSize, headSize];
  return Array.from({ length: layers }, (_, layer) => {
    const name = `blocks.${layer}.att.time_state`;
    const weight = weights.get(name);
    if (arch === 4 || !weight || String(weight.shape) !== String(expected))
      throw new WkvError(
        "bad-state",
        `${file}: its tensor ${name} is ${weight ? `[${weight.shape}]` : "missing"}, and this model, RWKV-` +
          `${shape.version} of ${layers} layers, ${arch === 4 ? "takes no tuned state" : `needs [${expected}]`}: ` +
          "give a state that was tuned on this model.",
      );
    return weight;
  });
}
