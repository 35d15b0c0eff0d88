// States at earlier points, and during generation: a separate session reads along.
import type { Session, StateTensor } from "wkv";
import { type Opened, opened } from "../model.ts";
import { current } from "../tree.ts";
import { sessionAt } from "../write.ts";

let follower: { model: Opened["model"]; session: Session; ids: readonly number[] } | undefined;
let turn: Promise<unknown> = Promise.resolve();

/** The state after `ids`; undefined when the model was closed meanwhile. One at a time. */
export function stateAfter(ids: readonly number[]): Promise<StateTensor[] | undefined> {
  const next = turn.then(() => readState(ids)).catch(() => undefined);
  turn = next;
  return next;
}

async function readState(ids: readonly number[]): Promise<StateTensor[] | undefined> {
  const model = opened.value?.model;
  if (!model || ids.length === 0) return undefined;
  const goesOn = follower?.model === model && follower.ids.every((id, i) => ids[i] === id);
  if (!follower || !goesOn) {
    follower?.session.dispose();
    const { session, rest } = sessionAt(model, ids, current.value);
    follower = { model, session, ids: ids.slice(0, ids.length - rest.length) };
  }
  const rest = ids.slice(follower.ids.length);
  if (rest.length > 0) await follower.session.feed(rest);
  follower.ids = ids;
  return follower.session.state();
}
