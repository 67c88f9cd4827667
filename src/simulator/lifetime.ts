/** When a certificate is valid, in whole seconds: X.509 knows no smaller unit. */
export interface Lifetime {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Atlas dates a certificate an hour back, so that a slow clock on the client's side doesn't refuse it. */
const BACKDATE_MS = 3_600_000;
/** The length of a month that the hour is scaled by where months are made shorter. */
const USUAL_MONTH_MS = 30 * 24 * 3_600_000;

/**
 * The lifetime of a certificate that is issued now.
 *
 * @param nowMs milliseconds since the epoch
 * @param months 1 to 24
 * @param monthMs how long a month lasts; undefined for those of the calendar (UTC). A shorter month shortens the hour of
 * back-dating with it, or a certificate for 90 seconds would look as if nearly all of its life were behind it.
 */
export function lifetimeFrom(nowMs: number, months: number, monthMs: number | undefined): Lifetime {
  const backdateMs = monthMs === undefined ? BACKDATE_MS : (monthMs * BACKDATE_MS) / USUAL_MONTH_MS;
  const endMs = monthMs === undefined ? addCalendarMonths(nowMs, months) : nowMs + months * monthMs;
  return {
    notBefore: new Date(Math.floor((nowMs - backdateMs) / 1000) * 1000),
    notAfter: new Date(Math.ceil(endMs / 1000) * 1000),
  };
}

/** The same day some months later, or the last day of a month that is too short for it. */
function addCalendarMonths(nowMs: number, months: number): number {
  const date = new Date(nowMs);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, lastDay));
  return date.getTime();
}
