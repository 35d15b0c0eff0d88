import { useSignal } from "@preact/signals";
import type { ToolCall } from "wkv/chat";
import { t } from "../strings/index.ts";
import type { Node } from "../tree.ts";
import { running, submitResults } from "../write.ts";

/** The calls that an answer is, each with a place for what the tool answers. */
export function Calls({ node, calls }: { node: Node; calls: readonly ToolCall[] }) {
  const results = useSignal<readonly string[]>(calls.map(() => ""));
  const isAnswered = node.children.length > 0;
  return (
    <form
      class="calls"
      onSubmit={(event) => {
        event.preventDefault();
        void submitResults(node, results.value);
      }}
    >
      {calls.map(({ id, function: { name, arguments: given } }, i) => (
        <fieldset key={id}>
          <legend>{name}</legend>
          <dl>
            {Object.entries(JSON.parse(given) as Record<string, unknown>).map(([key, value]) => (
              <div key={key}>
                <dt>{key}</dt>
                <dd dir="auto">{typeof value === "string" ? value : JSON.stringify(value)}</dd>
              </div>
            ))}
          </dl>
          {!isAnswered && (
            <input
              aria-label={t("toolResult", { name })}
              placeholder={t("toolResult", { name })}
              dir="auto"
              value={results.value[i]}
              onInput={({ currentTarget: { value } }) => (results.value = results.value.with(i, value))}
            />
          )}
        </fieldset>
      ))}
      {!isAnswered && (
        <button type="submit" disabled={running.value !== undefined}>
          {t("toolAnswer")}
        </button>
      )}
    </form>
  );
}
