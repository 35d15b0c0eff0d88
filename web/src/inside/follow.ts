// States at earlier points, and during generation: a separate session reads along.
import type { Session, StateTensor } from "wkv";
import { type Opened, opened } from "../model.ts";
import { current } from "../tree.ts";
import { running, sessionAt } from "../write.ts";

let follower: { model: Opened["model"]; session: Session; ids: readonly number[] } | undefined;
let turn: Promise<unknown> = Promise.resolve();
let latest: readonly number[] | undefined;

/** Between two pictures of a text that is being made: each takes some 15 ms of the page's thread. */
const REST_MS = 80;

/** The state after `ids`; undefined when another one was asked for meanwhile, or the model was closed. */
export function stateAfter(ids: readonly number[]): Promise<StateTensor[] | undefined> {
  latest = ids;
  const next = turn.then(() => (latest === ids ? readState(ids) : undefined)).catch(() => undefined);
  turn = next.then((state) => (state && running.value ? new Promise((done) => setTimeout(done, REST_MS)) : undefined));
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
