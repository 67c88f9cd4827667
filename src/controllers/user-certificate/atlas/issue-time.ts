import { HOUR_MS } from "../../../clock.ts";

const HOURS_PER_MONTH = 720;

/** How far back Atlas dates a certificate: an hour, which a simulated Atlas with shorter months shortens with them. */
export function backdatedMs(monthMs: number): number {
  return Math.min(HOUR_MS, monthMs / HOURS_PER_MONTH);
}

/**
 * When a listed certificate was issued. Its `createdAt` is the beginning of its validity, which Atlas dates an hour back:
 * in a recorded answer of 05:08:14 a certificate of 05:08:11 is "created" at 04:08:11. Taken at its word, it would be older
 * than the attempt that it came from.
 *
 * @param answeredAt when Atlas answered: nothing that it lists was issued later, should Atlas ever give the true time
 * @param monthMs length of a month in milliseconds: the calendar's, or a simulator's
 */
export function issueTime(
  createdAt: Date | undefined,
  answeredAt: Date | undefined,
  monthMs: number,
): Date | undefined {
  if (createdAt === undefined) return undefined;
  const issuedMs = createdAt.getTime() + backdatedMs(monthMs);
  const latestMs = answeredAt === undefined ? issuedMs : Math.max(createdAt.getTime(), answeredAt.getTime());
  return new Date(Math.min(issuedMs, latestMs));
}
