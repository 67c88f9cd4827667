/** A row: what, how much, and what that means. */
export type Row = readonly [name: string, value: string, note?: string];

/** Rows under a heading, in columns. */
export function table(heading: string, rows: readonly Row[]): string {
  const width = (column: 0 | 1) => Math.max(0, ...rows.map((row) => row[column].length));
  const [names, values] = [width(0), width(1)];
  const lines = rows.map(([name, value, note]) =>
    `  ${name.padEnd(names)}  ${value.padStart(values)}${note === undefined ? "" : `  ${note}`}`.trimEnd(),
  );
  return [heading, ...lines, ""].join("\n");
}

/** With about three significant digits: `0.512`, `83.4`, `171`, `4800`. */
export function figure(value: number): string {
  return rounded(value).toString();
}

export function rounded(value: number): number {
  if (Number.isInteger(value)) return value;
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return Number(value.toFixed(Math.min(digits, 3)));
}

export function mebibytes(bytes: number): number {
  return Math.round((bytes / 2 ** 20) * 10) / 10;
}
