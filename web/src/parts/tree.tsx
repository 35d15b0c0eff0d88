import { opened } from "../model.ts";
import { size, t } from "../strings/index.ts";
import { changes, current, goTo, type Node, pathTo, root } from "../tree.ts";
import { running } from "../write.ts";

interface Row {
  readonly node: Node;
  readonly lane: number;
}

const ROW = 36;
const LANE = 16;
const MARGIN = 12;

/** Every version of the text; each point can be gone back to. */
export function Tree() {
  changes.value;
  const rows = rowsOf(root.value);
  const stateBytes = opened.value?.model.info.stateBytes ?? 0;
  return (
    <section class="panel tree">
      <h2>{t("tree")}</h2>
      {rows.length === 0 ? (
        <p class="muted">{t("treeEmpty")}</p>
      ) : (
        <>
          <p class="muted">{t("treeHint", { size: size(stateBytes) })}</p>
          <Branches rows={rows} />
        </>
      )}
    </section>
  );
}

function Branches({ rows }: { rows: readonly Row[] }) {
  const path = new Set(pathTo(current.value));
  const lanes = 1 + Math.max(...rows.map(({ lane }) => lane));
  const width = 2 * MARGIN + (lanes - 1) * LANE;
  const at = new Map(rows.map((row, i) => [row.node, { x: MARGIN + row.lane * LANE, y: (i + 0.5) * ROW }]));
  return (
    <div class="branches" style={{ paddingInlineStart: `${width}px` }}>
      <svg width={width} height={rows.length * ROW} aria-hidden="true">
        {rows.map(({ node }) => {
          const to = at.get(node)!;
          const from = node.parent && at.get(node.parent);
          return from && <path key={node.id} d={curve(from, to)} class={path.has(node) ? "on" : ""} />;
        })}
        {rows.map(({ node }) => {
          const { x, y } = at.get(node)!;
          const r = node.kind === "answer" ? 5 : 3.5;
          return <circle key={node.id} cx={x} cy={y} r={r} class={`${node.kind} ${path.has(node) ? "on" : ""}`} />;
        })}
      </svg>
      <ul>
        {rows.map(({ node }) => (
          <li key={node.id}>
            <button
              type="button"
              class={`branch ${node.kind}`}
              disabled={running.value !== undefined}
              aria-current={node === current.value ? "true" : undefined}
              onClick={() => goTo(node)}
            >
              <span class="visually-hidden">{t(node.kind === "answer" ? "answer" : "you")}: </span>
              <span dir="auto">{labelOf(node)}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The beginning of a text, or the tools that an answer calls. */
function labelOf({ text, message }: Node): string {
  const calls = message?.tool_calls?.map(({ function: { name } }) => `${name}()`);
  return (calls?.join(", ") ?? text).trim().slice(0, 60) || "…";
}

/** Nodes from top to bottom; a branch has a lane to the right of all before it. */
function rowsOf(start: Node): Row[] {
  const rows: Row[] = [];
  let lanes = 0;
  const visit = (node: Node, lane: number) => {
    if (node !== start) rows.push({ node, lane });
    for (const [i, child] of node.children.entries()) visit(child, i === 0 ? lane : ++lanes);
  };
  visit(start, 0);
  return rows;
}

function curve(from: { x: number; y: number }, to: { x: number; y: number }): string {
  if (from.x === to.x) return `M${from.x} ${from.y}V${to.y}`;
  const turn = from.y + ROW / 2;
  return `M${from.x} ${from.y}Q${from.x} ${turn} ${(from.x + to.x) / 2} ${turn}T${to.x} ${Math.min(to.y, turn + ROW / 2)}V${to.y}`;
}
