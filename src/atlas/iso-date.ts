import * as z from "zod";

/** ISO 8601 date and time, in the extended or the basic format; without a zone it is UTC, as Atlas' dates are. */
const ISO_DATE =
  /^(\d{4})-?(\d\d)-?(\d\d)[Tt ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?)?(?:[Zz]|([+\-\u2212])(\d\d)(?::?(\d\d))?)?$/;

/** Reads a date with a time in any ISO 8601 form; undefined when it is none or does not exist. */
export function parseIsoDate(text: string): Date | undefined {
  const match = ISO_DATE.exec(text.trim());
  if (match === null) return undefined;
  const [
    ,
    year,
    month,
    day,
    hour,
    minute = "00",
    second = "00",
    fraction = "0",
    sign,
    zoneHour = "00",
    zoneMinute = "00",
  ] = match;
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.slice(0, 3).padEnd(3, "0")}Z`;
  const date = new Date(local);
  // A day that its month does not have is taken for one of the next month.
  if (Number.isNaN(date.getTime()) || date.toISOString() !== local) return undefined;
  const offsetMinutes = Number(zoneHour) * 60 + Number(zoneMinute);
  const offsetMs = offsetMinutes * 60_000 * (sign === "+" || sign === undefined ? 1 : -1);
  return new Date(date.getTime() - offsetMs);
}

/** The same as a schema. */
export const isoDate = z.string().transform((text, context) => {
  const date = parseIsoDate(text);
  if (date !== undefined) return date;
  context.addIssue({ code: "custom", message: "not an ISO 8601 date and time" });
  return z.NEVER;
});
