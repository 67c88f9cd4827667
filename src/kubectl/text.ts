import { dump } from "js-yaml";
import { describeDuration } from "../api/duration.ts";

/** The place that a text is written for. */
export interface Page {
  /** Columns of the terminal; infinite where the output is no terminal. */
  readonly width: number;
  readonly colours: boolean;
  readonly nowMs: number;
}

export type Colour = "good" | "warning" | "bad" | "faint" | "strong";

const CODES: Readonly<Record<Colour, string>> = { good: "32", warning: "33", bad: "31", faint: "2", strong: "1" };

/** A text with at most one colour. Lengths are measured before colours are added. */
export interface Span {
  readonly text: string;
  readonly colour?: Colour | undefined;
  /** Of a table: its column is never cut. */
  readonly isWhole?: boolean;
}

export type Cell = string | Span;

/** Prose is not wider than this, however wide the terminal is. */
const PROSE_WIDTH = 100;
/** Columns that hold names are not cut below this. */
const LEAST_COLUMN = 12;
const GAP = "  ";

export function paint(cell: Cell, { colours }: Pick<Page, "colours">): string {
  const { text, colour } = spanOf(cell);
  return colours && colour !== undefined && text !== "" ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text;
}

export function spanOf(cell: Cell): Span {
  return typeof cell === "string" ? { text: printable(cell) } : { ...cell, text: printable(cell.text) };
}

/** Others choose names and messages: no character of theirs may move the cursor or turn the direction of writing. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${character.codePointAt(0)?.toString(16)}}`;
  });
}

function lengthOf(text: string): number {
  return [...text].length;
}

function cut(text: string, width: number): string {
  return lengthOf(text) <= width ? text : `${[...text].slice(0, Math.max(0, width - 1)).join("")}…`;
}

/** Columns as wide as their widest cell; where the page is too narrow, the widest columns are cut. */
export function table(header: readonly string[], rows: readonly (readonly Cell[])[], page: Page): readonly string[] {
  const lines = [header, ...rows].map((row) => row.map(spanOf));
  const widths = header.map((_, column) => Math.max(...lines.map((row) => lengthOf(row[column]?.text ?? ""))));
  const whole = new Set(lines.flatMap((row) => row.flatMap(({ isWhole }, column) => (isWhole ? [column] : []))));
  narrow(widths, whole, page.width);
  return lines.map((row) =>
    row
      .map((span, column) => {
        const text = cut(span.text, widths[column] ?? 0);
        const isLast = column === row.length - 1;
        return paint({ ...span, text }, page) + (isLast ? "" : " ".repeat((widths[column] ?? 0) - lengthOf(text)));
      })
      .join(GAP)
      .trimEnd(),
  );
}

function narrow(widths: number[], whole: ReadonlySet<number>, width: number): void {
  const total = () => widths.reduce((sum, each) => sum + each, 0) + GAP.length * (widths.length - 1);
  while (total() > width) {
    const widest = Math.max(...widths.filter((_, column) => !whole.has(column)));
    if (widest <= LEAST_COLUMN) return;
    widths[widths.findLastIndex((each, column) => each === widest && !whole.has(column))] = widest - 1;
  }
}

/** Prose in lines of at most this width; a word that is longer has a line of its own, so that it can be copied. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of printable(text).split(" ")) {
    if (line !== "" && lengthOf(line) + 1 + lengthOf(word) > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** The width of prose that begins in this column. */
export function proseWidth(page: Pick<Page, "width">, column = 0): number {
  return Math.max(20, Math.min(page.width, PROSE_WIDTH) - column);
}

/** A line of a tree, or prose that is wrapped into several. */
export type Leaf = Cell | { readonly cells: readonly Cell[] };

export interface Branch {
  readonly label: string;
  readonly leaves: readonly Leaf[];
}

/** Branches below one another, their labels in one column and their leaves beside them. */
export function tree(branches: readonly Branch[], page: Page): readonly string[] {
  const shown = branches.filter(({ leaves }) => leaves.length > 0);
  const labelWidth = Math.max(...shown.map(({ label }) => lengthOf(label)));
  const column = "├─ ".length + labelWidth + GAP.length;
  return shown.flatMap(({ label, leaves }, index) => {
    const isLast = index === shown.length - 1;
    const lines = leaves.flatMap((leaf) => leafLines(leaf, page, proseWidth(page, column)));
    return lines.map((line, number) => {
      const fork = number === 0 ? (isLast ? "└─ " : "├─ ") : isLast ? "   " : "│  ";
      const name = number === 0 ? label : "";
      const prefix = paint({ text: fork, colour: "faint" }, page) + paint({ text: name, colour: "strong" }, page);
      return `${prefix}${" ".repeat(labelWidth - lengthOf(name))}${GAP}${line}`;
    });
  });
}

function leafLines(leaf: Leaf, page: Page, width: number): readonly string[] {
  if (typeof leaf === "object" && "cells" in leaf) return [leaf.cells.map((cell) => paint(cell, page)).join(GAP)];
  const { text, colour } = spanOf(leaf);
  return wrap(text, width).map((line) => paint({ text: line, colour }, page));
}

export interface Lifetime {
  readonly notBefore: number;
  readonly notAfter: number;
  readonly renewal?: number | undefined;
}

export const BAR_LEGEND = "Lifetime: ━ passed  ● now  ◆ renewal  ─ left";

/**
 * The life of a certificate from its issue to its expiry: what has passed of it, now, and the time of its renewal. Where now
 * and the renewal fall into one place, now is shown.
 */
export function lifetimeBar({ notBefore, notAfter, renewal }: Lifetime, nowMs: number, width: number): string {
  const place = (ms: number) => Math.floor(((ms - notBefore) / (notAfter - notBefore)) * width);
  const now = place(nowMs);
  const due = renewal === undefined ? undefined : place(renewal);
  return Array.from({ length: width }, (_, index) => {
    if (index === now) return "●";
    if (index === due) return "◆";
    return index < now ? "━" : "─";
  }).join("");
}

/** A time in relation to now, as in `in 50d` and `2h ago`. */
export function relative(ms: number, nowMs: number): string {
  const [amount = ""] = describeDuration(Math.abs(ms - nowMs)).split(" ");
  if (amount === "0s") return "now";
  return ms > nowMs ? `in ${amount}` : `${amount} ago`;
}

/** `2030-03-02 00:00Z`: to the minute, in UTC, as everything that the operator says. */
export function minute(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")}Z`;
}

export function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** `1 pod`, `2 pods`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** Data as YAML, as kubectl writes it: a list stands no further to the right than its key, and no text is folded. */
export function toYaml(data: unknown): string {
  // Leaves out undefined, as JSON does.
  return dump(JSON.parse(JSON.stringify(data)), { seqNoIndent: true, lineWidth: -1, quoteStyle: "double" });
}
