import { EXIT, type Report } from "./report.ts";
import { type Colour, count, type Page, paint, proseWidth, wrap } from "./text.ts";

/** Unknown: not checked, because the user lacks a permission or because the answer would mislead. */
export type Level = "ok" | "warn" | "fail" | "unknown";

/** One thing that was checked. */
export interface Line {
  readonly level: Level;
  readonly text: string;
  /** One sentence that says what to do. */
  readonly advice?: string | undefined;
  /** A command that does it, by its arguments. */
  readonly command?: readonly string[] | undefined;
  /** A command to run after that. */
  readonly nextCommand?: readonly string[] | undefined;
}

export interface Section {
  readonly title: string;
  readonly lines: readonly Line[];
}

/** `check`: the sections that have something to say. */
export function checkReport(all: readonly Section[]): Report {
  const sections = all.filter(({ lines }) => lines.length > 0);
  const failed = sections.some(({ lines }) => lines.some(({ level }) => level === "fail"));
  return {
    data: {
      sections: sections.map(({ lines, title }) => ({
        title,
        lines: lines.map(({ command, nextCommand, ...line }) => ({
          ...line,
          command: shellLine(command, nextCommand),
        })),
      })),
    },
    lines: (page) => renderCheck(sections, page),
    exitCode: failed ? EXIT.attention : EXIT.ok,
  };
}

function shellLine(...commands: readonly (readonly string[] | undefined)[]): string | undefined {
  const given = commands.filter((command) => command !== undefined);
  return given.length === 0 ? undefined : given.map((command) => command.map(quoted).join(" ")).join(" && ");
}

const SIGNS: Readonly<Record<Level, readonly [sign: string, colour: Colour]>> = {
  ok: ["ok  ", "good"],
  warn: ["warn", "warning"],
  fail: ["fail", "bad"],
  unknown: ["?   ", "faint"],
};
const INDENT = "      ";

export function renderCheck(sections: readonly Section[], page: Page): readonly string[] {
  const all = sections.flatMap(({ lines }) => lines);
  const number = (level: Level) => all.filter((line) => line.level === level).length;
  const [failed, warned, unknown] = [number("fail"), number("warn"), number("unknown")];
  const parts = [
    `${number("ok")} ok`,
    ...(warned > 0 ? [count(warned, "warning")] : []),
    ...(failed > 0 ? [count(failed, "failure")] : []),
    ...(unknown > 0 ? [`${unknown} not checked`] : []),
  ];
  return [
    ...sections.flatMap(({ lines, title }) => [
      paint({ text: title, colour: "strong" }, page),
      ...lines.flatMap((line) => renderLine(line, page)),
      "",
    ]),
    paint({ text: `${parts.join(", ")}.`, colour: failed > 0 ? "bad" : warned > 0 ? "warning" : "good" }, page),
  ];
}

function renderLine({ advice, command, level, nextCommand, text }: Line, page: Page): readonly string[] {
  const [sign, colour] = SIGNS[level];
  const width = proseWidth(page, INDENT.length);
  const [first = "", ...rest] = [text, ...(advice === undefined ? [] : [advice])].flatMap((part) => wrap(part, width));
  return [
    `${paint({ text: sign, colour }, page)}  ${first}`,
    ...rest.map((line) => `${INDENT}${line}`),
    ...[command, nextCommand]
      .flatMap((one) => (one === undefined ? [] : commandLines(one, width)))
      .map((line) => `${INDENT}${paint({ text: line, colour: "strong" }, page)}`),
  ];
}

/** A command in lines that a shell reads as one. */
export function commandLines(command: readonly string[], width: number): readonly string[] {
  const lines: string[] = [];
  let line = "$";
  for (const word of command.map(quoted)) {
    if (line.length + word.length + " \\".length >= width && line.trim() !== "") {
      lines.push(`${line} \\`);
      line = `   ${word}`;
    } else {
      line = `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Names come from others, and a person copies the command: it must run nothing else. */
export function quoted(word: string): string {
  return /^[A-Za-z0-9_./:=@,%+…-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
