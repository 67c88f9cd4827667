/** The part of JSON.parse's third reviver argument that is needed here (ECMAScript: JSON.parse source text access). */
interface ReviverContext {
  /** The text of a primitive value as it stood in the JSON; absent for objects and arrays. */
  readonly source?: string;
}

/**
 * JSON.parse that loses no integer: a whole number past 2^53 comes back as a bigint instead of its nearest double.
 * Atlas sends serial numbers as 64-bit JSON numbers. Those of more than 48 digits stay doubles, because a number of a
 * million digits would keep the processor busy.
 *
 * @returns undefined when the text is not JSON: the error of JSON.parse quotes the text, which may be secret
 */
export function parseExactJson(text: string): unknown {
  const keepIntegers = (_key: string, value: unknown, context?: ReviverContext): unknown => {
    if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
    const source = context?.source;
    return source !== undefined && /^-?\d{1,48}$/.test(source) ? BigInt(source) : value;
  };
  try {
    return JSON.parse(text, keepIntegers);
  } catch {
    return undefined;
  }
}
