import type { AtlasAnswer } from "./transport/exchange-handler.ts";

/** The three date forms of RFC 9110, section 5.6.7. */
const HTTP_DATE = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/,
];

/** Reads a date of an HTTP header; undefined when it is absent or of none of the forms. */
export function parseHttpDate(header: string | undefined): Date | undefined {
  const text = header?.trim();
  if (text === undefined || !HTTP_DATE.some((form) => form.test(text))) return undefined;
  // Only the asctime form lacks the zone, and it means GMT.
  const date = new Date(text.endsWith("GMT") ? text : `${text} GMT`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** When the server answered, by its own clock. */
export function answeredAt({ headers }: Pick<AtlasAnswer, "headers">): Date | undefined {
  return parseHttpDate(headers.get("date")?.[0]);
}
