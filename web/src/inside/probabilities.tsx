import { length, selection } from "../selection.ts";
import { percent, t } from "../strings/index.ts";
import { tokenText } from "../write.ts";
import { Alternatives } from "./alternatives.tsx";

/** What else the model considered for a token; each can be taken instead. */
export function Probabilities() {
  const place = selection.value;
  if (!place) return <p class="muted">{t("probabilitiesHint")}</p>;
  const { node, index, token } = place;
  return (
    <>
      <p class="between">
        <b>{t("probabilityOf", { token: tokenText(token.id).trim(), share: percent(Math.exp(token.logprob)) })}</b>
        <span class="muted">{t("positionOf", { at: node.from + index + 1, count: length.value })}</span>
      </p>
      <Alternatives {...place} count={token.top.length} />
      <p class="hint">{t("probabilitiesHint")}</p>
    </>
  );
}
