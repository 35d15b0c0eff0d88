import { remote } from "./fetching.js";

/** More sessions than the test leaves room for. */
const MANY = 200;
const IDS = [34, 5, 60, 7];

/**
 * Makes sessions until there is no memory for another one, and again when one of them is done. `room`: for how many there
 * was; `codes`: of the errors of all others; `sound`: whether each session gives the logits that the first one gave before.
 */
export async function full({ loadModel }, base, options) {
  const model = await loadModel(await remote(`${base}/data/large.safetensors`), { vocab: null, ...options });
  const sessions = [model.createSession()];
  const expected = String(await sessions[0].feed(IDS));
  const { lost, code } = await fill(model, sessions);
  const room = [sessions.length];
  const codes = [code];
  if (lost)
    for (const ask of [() => lost.feed(IDS), () => lost.save(), () => lost.fork().feed(IDS)]) {
      const [answer] = await Promise.allSettled([ask(), sessions[0].feed(IDS)]);
      codes.push(answer.reason?.code);
    }
  const heir = lost && model.createSession(await sessions[0].save());
  sessions.pop().dispose();
  if (heir) {
    // There is a place for the fork, but nothing to put there.
    const fork = heir.fork();
    codes.push(await fork.feed(IDS).catch((error) => error.code));
    for (const session of [fork, heir, lost]) session.dispose();
  }
  codes.push((await fill(model, sessions)).code);
  const sound = [];
  for (const session of sessions) {
    session.reset();
    sound.push(String(await session.feed(IDS)) === expected);
  }
  await model.dispose();
  return { room: [...room, sessions.length], codes, sound };
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
