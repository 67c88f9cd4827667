import { isMap, isScalar, type Pair, parseDocument } from "yaml";

interface Value {
  /** As in `image.tag`. */
  readonly path: string;
  /** As YAML in one line. */
  readonly standard: string;
  readonly description: string;
}

/** A value has no comment, or one stands where no value follows. */
class ValuesCommentError extends Error {
  override readonly name = "ValuesCommentError";
}

/**
 * The values of a chart as a Markdown table, from the comment above each of them.
 *
 * A map counts as one value where a comment stands above it, and as many where its entries have comments of their own.
 *
 * @param text values.yaml
 * @throws ValuesCommentError
 */
export function valuesTable(text: string): string {
  const rows = chartValues(text).map(
    ({ path, standard, description }) => `| \`${path}\` | ${description} | \`${standard}\` |`,
  );
  return ["| value | meaning | default |", "|---|---|---|", ...rows].map((row) => `${row}\n`).join("");
}

/** Each value of a chart, in the order of the file. @throws ValuesCommentError */
export function chartValues(text: string): readonly Value[] {
  const { contents } = parseDocument(text);
  if (!isMap(contents)) throw new ValuesCommentError("the values are no map");
  return contents.items.flatMap((pair, index) => valuesOf(pair, "", index === 0 ? contents.commentBefore : undefined));
}

/** The comment above the first entry of a map is, to the parser, one above the map. */
function valuesOf(pair: Pair, parent: string, commentOfFirst: string | null | undefined): readonly Value[] {
  const { key, value } = pair;
  if (!isScalar(key)) throw new ValuesCommentError(`below ${parent}: a key is no text`);
  const path = parent === "" ? String(key.value) : `${parent}.${String(key.value)}`;
  const comment = key.commentBefore ?? commentOfFirst;
  if (comment) {
    const description = comment
      .split("\n")
      .map((line) => line.trim())
      .join(" ")
      .replaceAll("|", "\\|");
    return [{ path, standard: JSON.stringify(toPlain(value)), description }];
  }
  if (!isMap(value) || value.items.length === 0) throw new ValuesCommentError(`${path} has no comment above it`);
  return value.items.flatMap((inner, index) => valuesOf(inner, path, index === 0 ? value.commentBefore : undefined));
}

function toPlain(node: unknown): unknown {
  return typeof node === "object" && node !== null && "toJSON" in node && typeof node.toJSON === "function"
    ? node.toJSON()
    : node;
}
