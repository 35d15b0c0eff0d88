import { length, selection } from "../selection.ts";
import { percent, t } from "../strings/index.ts";
import { forkAt, running, tokenText } from "../write.ts";

/** What else the model considered for a token; each can be taken instead. */
export function Probabilities() {
  const { node, index, token } = selection.value ?? {};
  if (!node || !token || index === undefined) return <p class="muted">{t("probabilitiesHint")}</p>;
  const most = Math.exp(token.top[0]?.logprob ?? 0);
  return (
    <>
      <p>
        {t("probabilityOf", { token: tokenText(token.id), share: percent(Math.exp(token.logprob)) })}{" "}
        <span class="muted">{t("positionOf", { at: node.from + index + 1, count: length.value })}</span>
      </p>
      <ol class="alternatives">
        {token.top.map(({ token: id, logprob }) => {
          const share = Math.exp(logprob);
          return (
            <li key={id}>
              <button
                type="button"
                disabled={running.value !== undefined || id === token.id}
                aria-current={id === token.id ? "true" : undefined}
                title={t("forkHere", { token: tokenText(id), share: percent(share) })}
                onClick={() => void forkAt(node, index, id)}
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
      <p class="hint">{t("probabilitiesHint")}</p>
    </>
  );
}
