import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** One change of one place of the product. */
export interface Edit {
  /** Relative to src. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly search: string;
  readonly replacement: string;
}

/**
 * Makes the change in a copy of the product.
 *
 * @param src the copy of src
 * @returns takes the change back
 * @throws where the text is not there, or more than once: then the product has changed
 */
export function applyEdit(src: string, { file, search, replacement }: Edit): () => void {
  const path = join(src, file);
  const original = readFileSync(path, "utf8");
  const parts = original.split(search);
  if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} times ${JSON.stringify(search)}`);
  writeFileSync(path, parts.join(replacement));
  return () => writeFileSync(path, original);
}
