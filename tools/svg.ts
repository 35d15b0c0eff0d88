/** A chart of horizontal bars: panels below one another, each with its own scale. */
export interface BarChart {
  readonly title: string;
  readonly panels: readonly BarPanel[];
}

export interface BarPanel {
  readonly title: string;
  readonly groups: readonly BarGroup[];
}

export interface BarGroup {
  readonly name: string;
  readonly bars: readonly Bar[];
  /** A line across the group's bars. */
  readonly mark?: { readonly value: number; readonly label: string } | undefined;
}

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Ends of the whisker. */
  readonly min: number;
  readonly max: number;
  /** What the chart is about, in colour. */
  readonly accent: boolean;
}

const WIDTH = 720;
const LABELS = 230;
/** Room at the right for the numbers. */
const NUMBERS = 60;
const PLOT = WIDTH - LABELS - NUMBERS;
const BAR = 18;
const GAP = 6;
/** Height of the title, of a panel's title and of a group's name. */
const TITLE = 44;
const PANEL_TITLE = 34;
const GROUP_NAME = 22;
const GROUP_GAP = 10;
const WHISKER = 4;

/** Colours of both themes; text and lines are drawn in the first one. */
const STYLE = `
text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
.title { font-size: 16px; font-weight: 600; }
.panel { font-size: 14px; font-weight: 600; }
.faint { fill: #59636e; }
.end { text-anchor: end; }
.bar { fill: #b4bcc6; }
.accent { fill: #2f6fdb; }
.line { stroke: #1f2328; stroke-width: 1; fill: none; }
.mark { stroke: #c4532a; stroke-width: 1.5; stroke-dasharray: 4 3; }
.marked { fill: #c4532a; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .faint { fill: #9198a1; }
  .bar { fill: #59636e; }
  .accent { fill: #5b9bff; }
  .line { stroke: #e6edf3; }
  .mark { stroke: #f0883e; }
  .marked { fill: #f0883e; }
}`;

/** The chart as a file that reads well on light and on dark ground. */
export function barChart(chart: BarChart): string {
  const parts = [text(0, 22, chart.title, "title")];
  let y = TITLE;
  for (const panel of chart.panels) {
    parts.push(text(0, y + 14, panel.title, "panel"));
    y = drawGroups(parts, panel, y + PANEL_TITLE) + GROUP_GAP;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img" aria-label="${escaped(chart.title)}">
<style>${STYLE}
</style>
${parts.join("\n")}
</svg>
`;
}

/** Returns where the panel ends. */
function drawGroups(parts: string[], { groups }: BarPanel, y: number): number {
  const values = groups.flatMap(({ bars, mark }) => [...bars.map(({ max }) => max), mark?.value ?? 0]);
  const scale = PLOT / Math.max(...values, Number.MIN_VALUE);
  for (const group of groups) {
    parts.push(text(0, y + 13, group.name, "faint"));
    const top = y + GROUP_NAME;
    group.bars.forEach((bar, i) => void parts.push(...drawBar(bar, top + i * (BAR + GAP), scale)));
    y = top + group.bars.length * (BAR + GAP);
    if (group.mark) parts.push(...drawMark(group.mark, top, y - GAP, scale));
    y += GROUP_GAP;
  }
  return y;
}

function drawBar({ label, value, min, max, accent }: Bar, y: number, scale: number): string[] {
  const middle = y + BAR / 2;
  const from = round(LABELS + min * scale);
  const to = round(LABELS + max * scale);
  const whisker = `M${from} ${middle - WHISKER}v${2 * WHISKER}M${from} ${middle}H${to}M${to} ${middle - WHISKER}v${2 * WHISKER}`;
  return [
    text(LABELS - 8, middle + 4, label, "end"),
    `<rect class="bar${accent ? " accent" : ""}" x="${LABELS}" y="${y}" width="${round(value * scale)}" height="${BAR}" rx="2"/>`,
    `<path class="line" d="${whisker}"/>`,
    text(WIDTH, middle + 4, value >= 100 ? value.toFixed(0) : value.toFixed(1), "end"),
  ];
}

function drawMark({ value, label }: NonNullable<BarGroup["mark"]>, top: number, bottom: number, scale: number) {
  const x = round(LABELS + value * scale);
  return [
    `<path class="mark" d="M${x} ${top - 2}V${bottom + 2}"/>`,
    text(x, top - 6, `${label}: ${value.toFixed(0)}`, "marked end"), //
  ];
}

function text(x: number, y: number, content: string, style = ""): string {
  return `<text${style && ` class="${style}"`} x="${x}" y="${y}">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function round(value: number): number {
  return Math.round(10 * value) / 10;
}
