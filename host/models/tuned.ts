import { WkvError } from "../errors.ts";
import type { Shape } from "./version.ts";
import type { Weight, Weights } from "./weights.ts";

/**
 * The tensors of state tuning: blocks.N.att.time_state, [heads, values, keys], the initial state of each layer.
 * RWKV-5, 6 and 7 have them in a separate file or among the model's tensors.
 * @returns one per layer, or undefined if there is none
 * @throws WkvError `bad-state` if they do not fit the model
 */
export function collectTunedState(weights: Weights, shape: Shape, file: string): Weight[] | undefined {
  if (![...weights.keys()].some((name) => /^blocks\.\d+\.att\.time_state$/.test(name))) return undefined;
  const { layers, width, headSize, version } = shape;
  const takes = version.stateOrder !== undefined;
  const expected = [width / headSize, headSize, headSize];
  return Array.from({ length: layers }, (_, layer) => {
    const name = `blocks.${layer}.att.time_state`;
    const weight = weights.get(name);
    if (!takes || !weight || String(weight.shape) !== String(expected))
      throw new WkvError(
        "bad-state",
        `${file}: its tensor ${name} is ${weight ? `[${weight.shape}]` : "missing"}; this model, RWKV-` +
          `${shape.release} of ${layers} layers, ${takes ? `needs [${expected}]` : "takes no tuned state"}: ` +
          "give a state that was tuned on this model.",
      );
    return weight;
  });
}
