import { percent, t } from "../strings/index.ts";
import type { Node, Token } from "../tree.ts";
import { forkAt, running, tokenText } from "../write.ts";

/** A token that the model made, and where it is. */
export interface Place {
  readonly node: Node;
  readonly index: number;
  readonly token: Token;
}

interface Props extends Place {
  /** Of the likeliest. */
  readonly count: number;
  readonly onFork?: () => void;
}

/** What the model considered at a token, as bars; another one forks the text there. */
export function Alternatives({ node, index, token, count, onFork }: Props) {
  const most = Math.exp(token.top[0]?.logprob ?? 0);
  return (
    <ol class="alternatives">
      {token.top.slice(0, count).map(({ token: id, logprob }) => {
        const share = Math.exp(logprob);
        return (
          <li key={id}>
            <button
              type="button"
              disabled={running.value !== undefined || id === token.id}
              aria-current={id === token.id ? "true" : undefined}
              title={t("forkHere", { token: tokenText(id), share: percent(share) })}
              onClick={() => {
                onFork?.();
                void forkAt(node, index, id);
              }}
            >
              <span class="bar" style={{ inlineSize: `${(100 * share) / most}%` }} />
              <span class="name" dir="auto">
                {tokenText(id)}
              </span>
              <span class="share">{percent(share)}</span>
            </button>
          </li>
        );
      })}
    </ol>
  );
}
