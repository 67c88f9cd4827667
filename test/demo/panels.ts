/** Draws answers of Prometheus as panels, in SVG that follows the reader's light or dark theme. */

export interface Line {
  readonly legend: string;
  /** Seconds since the left edge, and value. */
  readonly points: readonly (readonly [seconds: number, value: number])[];
}

export interface Picture {
  readonly title: string;
  readonly widthS: number;
  readonly figures: readonly { readonly title: string; readonly value: number }[];
  /** Lines of 0 and 1, as bars. */
  readonly states: { readonly title: string; readonly lines: readonly Line[] };
  readonly graphs: readonly { readonly title: string; readonly lines: readonly Line[] }[];
}

const WIDTH = 860;
const GAP = 12;
const COLUMN = (WIDTH - GAP) / 2;
const GRAPH = { height: 170, left: 48, right: 12, top: 30, bottom: 44 };
const COLORS = ["#1f77b4", "#e8830c", "#2ca02c", "#d62728", "#9467bd", "#8c564b"];

const STYLE = `
    .panel { fill: #ffffff; stroke: #d1d9e0; }
    .grid { stroke: #d1d9e0; }
    text { fill: #1f2328; }
    .small { font-size: 11px; fill: #59636e; }
    .good { fill: #4ac26b; }
    .bad { fill: #ff8182; }
    @media (prefers-color-scheme: dark) {
      .panel { fill: #161b22; stroke: #3d444d; }
      .grid { stroke: #3d444d; }
      text { fill: #e6edf3; }
      .small { fill: #9198a1; }
      .good { fill: #238636; }
      .bad { fill: #b62324; }
    }
  `;

export function picture({ title, widthS, figures, states, graphs }: Picture): string {
  const parts: string[] = [];
  let y = 0;
  const figureWidth = Math.floor((WIDTH - GAP * (figures.length - 1)) / figures.length);
  for (const [index, figure] of figures.entries()) {
    const x = index * (figureWidth + GAP);
    parts.push(
      panel(x, y, figureWidth, 64, figure.title),
      `<text x="${x + 10}" y="${y + 52}" font-size="22">${figure.value}</text>`,
    );
  }
  y += 64 + GAP;
  const height = 36 + states.lines.length * 26;
  parts.push(panel(0, y, WIDTH, height, states.title));
  const left = 130;
  const scale = (WIDTH - left - GRAPH.right) / widthS;
  for (const [index, { legend, points }] of states.lines.entries()) {
    const top = y + GRAPH.top + index * 26;
    parts.push(`<text class="small" x="10" y="${top + 14}">${escaped(legend)}</text>`);
    for (const { from, to, value } of runs(points)) {
      const width = ((to - from) * scale).toFixed(1);
      const x = (left + from * scale).toFixed(1);
      parts.push(`<rect class="${value === 1 ? "good" : "bad"}" x="${x}" y="${top}" width="${width}" height="20"/>`);
    }
  }
  y += height + GAP;
  for (const [index, graph] of graphs.entries()) {
    const x = (index % 2) * (COLUMN + GAP);
    parts.push(...graphParts(x, y + Math.floor(index / 2) * (GRAPH.height + GAP), widthS, graph));
  }
  y += Math.ceil(graphs.length / 2) * (GRAPH.height + GAP) - GAP;
  const font = `font-family="system-ui, -apple-system, 'Segoe UI', sans-serif" font-size="13"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 ${WIDTH + 2} ${y + 2}" ${font} role="img">
  <title>${escaped(title)}</title>
  <style>${STYLE}</style>
  ${parts.join("\n  ")}
</svg>
`;
}

function graphParts(x: number, y: number, widthS: number, { title, lines }: Picture["graphs"][number]) {
  const { bottom, height, left, right, top } = GRAPH;
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value));
  const [least, most] = [Math.min(0, ...values), Math.max(...values, Number.MIN_VALUE)];
  const toX = (seconds: number) => (x + left + (seconds / widthS) * (COLUMN - left - right)).toFixed(1);
  const toY = (value: number) =>
    (y + height - bottom - ((value - least) / (most - least)) * (height - top - bottom)).toFixed(1);
  const marks = [...new Set([least, 0, most])].map(
    (value) =>
      `<path class="grid" d="M${toX(0)} ${toY(value)}H${toX(widthS)}"/>` +
      `<text class="small" x="${x + left - 6}" y="${Number(toY(value)) + 4}" text-anchor="end">${short(value)}</text>`,
  );
  const anchors = ["start", "middle", "end"];
  const times = [0, widthS / 2, widthS].map(
    (seconds, index) =>
      `<text class="small" x="${toX(seconds)}" y="${y + height - bottom + 15}" text-anchor="${anchors[index]}">${seconds} s</text>`,
  );
  const drawn = lines.map(({ points }, index) => {
    const path = points.map(([seconds, value], at) => `${at === 0 ? "M" : "L"}${toX(seconds)} ${toY(value)}`).join("");
    return `<path fill="none" stroke="${COLORS[index % COLORS.length]}" stroke-width="1.5" d="${path}"/>`;
  });
  let legendX = x + 10;
  const legends = lines.map(({ legend }, index) => {
    const text = `<text class="small" x="${legendX + 14}" y="${y + height - 8}">${escaped(legend)}</text>`;
    const box = `<rect x="${legendX}" y="${y + height - 17}" width="9" height="9" fill="${COLORS[index % COLORS.length]}"/>`;
    legendX += 28 + legend.length * 6.2;
    return box + text;
  });
  return [panel(x, y, COLUMN, height, title), ...marks, ...times, ...drawn, ...legends];
}

function panel(x: number, y: number, width: number, height: number, title: string): string {
  return (
    `<rect class="panel" x="${x}" y="${y}" width="${width}" height="${height}" rx="4"/>` +
    `<text x="${x + 10}" y="${y + 20}">${escaped(title)}</text>`
  );
}

/** Points of one value as one run each. */
function runs(
  points: Line["points"],
): readonly { readonly from: number; readonly to: number; readonly value: number }[] {
  const all: { from: number; to: number; value: number }[] = [];
  for (const [seconds, value] of points) {
    const last = all.at(-1);
    if (last?.value === value) last.to = seconds + 1;
    else all.push({ from: seconds, to: seconds + 1, value });
  }
  return all;
}

function short(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(2);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
