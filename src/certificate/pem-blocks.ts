/** One `-----BEGIN X-----` … `-----END X-----` block of a PEM text (RFC 7468). */
export interface PemBlock {
  /** The label after BEGIN: `CERTIFICATE`, `PRIVATE KEY`, … */
  readonly label: string;
  /** The whole block with its two lines, ending in one line break. */
  readonly text: string;
}

const BEGIN = "-----BEGIN ";
const DASHES = "-----";

/**
 * The blocks of a PEM text, in order. What stands between them is ignored, as RFC 7468 allows; a block without its end
 * ends the search. Linear in the length of the text, whatever the text.
 */
export function pemBlocks(text: string): readonly PemBlock[] {
  const blocks: PemBlock[] = [];
  let position = 0;
  for (;;) {
    const begin = text.indexOf(BEGIN, position);
    if (begin === -1) return blocks;
    const labelStart = begin + BEGIN.length;
    const labelEnd = text.indexOf(DASHES, labelStart);
    if (labelEnd === -1) return blocks;
    const label = text.slice(labelStart, labelEnd);
    if (!/^[A-Z0-9 ]{1,64}$/.test(label)) {
      position = labelStart;
      continue;
    }
    const endLine = `-----END ${label}-----`;
    const end = text.indexOf(endLine, labelEnd);
    if (end === -1) return blocks;
    const stop = end + endLine.length;
    const block = text.slice(begin, stop).replaceAll(/\r\n?/g, "\n");
    blocks.push({ label, text: `${block}\n` });
    position = stop;
  }
}
