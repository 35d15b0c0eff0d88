import { remote } from "./fetching.js";

/** More sessions than the test leaves room for. */
const MANY = 200;
const IDS = [34, 5, 60, 7];

/**
 * Makes sessions until there is no memory for another one. `codes`: of the errors that came of it; `sound`: of every
 * other session, and of one made when another was done, whether it gives the logits that the first one gave before.
 */
export async function full({ loadModel }, base, options) {
  const model = await loadModel(await remote(`${base}/data/large.safetensors`), { vocab: null, ...options });
  const sessions = [model.createSession()];
  const expected = String(await sessions[0].feed(IDS));
  const { lost, code } = await fill(model, sessions);
  const codes = [code];
  if (lost)
    for (const ask of [() => lost.feed(IDS), () => lost.save(), () => lost.fork().feed(IDS)]) {
      const [answer] = await Promise.allSettled([ask(), sessions[0].feed(IDS)]);
      codes.push(answer.reason?.code);
    }
  sessions.pop().dispose();
  lost?.dispose();
  codes.push((await fill(model, sessions)).code);
  const sound = [];
  for (const session of sessions) {
    session.reset();
    sound.push(String(await session.feed(IDS)) === expected);
  }
  await model.dispose();
  return { sessions: sessions.length, codes, sound };
}

/** @returns the session that there was no memory for, where it could be made all the same, and what it was told */
async function fill(model, sessions) {
  while (sessions.length < MANY) {
    let lost;
    try {
      lost = model.createSession();
      await lost.feed(IDS);
      sessions.push(lost);
    } catch (error) {
      return { lost, code: error.code ?? String(error) };
    }
  }
}
