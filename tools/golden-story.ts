// npm run golden:story: writes test/golden/data/story.json again from test/models/fairy and the present build: the stories for
// fixed seeds, the bits per byte of a passage, the share of zeros in each layer's channel mixing. To be run when the
// bundled weights were replaced or the arithmetic was changed on purpose; other text without such a reason is a bug.
import { writeFileSync } from "node:fs";
import {
  GOLDENS,
  loadBundled,
  passageBits,
  passageZeroShares,
  REQUESTS,
  type StoryGoldens,
  tell,
  WEIGHTS,
  type Weights,
} from "../test/golden/story.ts";

const stories: StoryGoldens["stories"] = REQUESTS.map((request) => ({ ...request, text: { int8: "", f32: "" } }));
const bitsPerByte: Record<Weights, number> = { int8: 0, f32: 0 };
const zeroShares: Record<Weights, number[]> = { int8: [], f32: [] };
for (const weights of WEIGHTS) {
  const model = await loadBundled(weights);
  for (const story of stories) story.text[weights] = await tell(model, story);
  bitsPerByte[weights] = await passageBits(model);
  zeroShares[weights] = await passageZeroShares(model);
  await model.dispose();
}
writeFileSync(GOLDENS, `${JSON.stringify({ stories, bitsPerByte, zeroShares } satisfies StoryGoldens, null, 2)}\n`);
console.error("wkv: test/golden/data/story.json written");
