import { MONTH_MS } from "../../../certificate/check-issued.ts";
import { HOUR_MS } from "../../../clock.ts";

/** Times in milliseconds that follow from the length of a month. A simulated Atlas with short months shortens them all. */
export interface Calendar {
  readonly monthMs: number;
  /** How far back Atlas dates a certificate. */
  readonly backdatedMs: number;
  /** Shortest wait after an attempt that wasted a certificate: the next one would probably waste another. */
  readonly wasteWaitMs: number;
}

/** @param monthMs length of a month in milliseconds */
export function calendarOf(monthMs: number = MONTH_MS): Calendar {
  return {
    monthMs,
    backdatedMs: Math.min(HOUR_MS, monthMs / 720),
    wasteWaitMs: Math.min(HOUR_MS, monthMs / 30),
  };
}

/**
 * When a listed certificate was issued. Its `createdAt` is the beginning of its validity, which Atlas dates an hour back:
 * in a recorded answer of 05:08:14 a certificate of 05:08:11 is "created" at 04:08:11. Taken at its word, it would be older
 * than the attempt that it came from.
 *
 * @param answeredAt when Atlas answered: nothing that it lists was issued later, should Atlas ever give the true time
 */
export function issueTime(
  createdAt: Date | undefined,
  answeredAt: Date | undefined,
  { backdatedMs }: Calendar,
): Date | undefined {
  if (createdAt === undefined) return undefined;
  const issuedMs = createdAt.getTime() + backdatedMs;
  const latestMs = answeredAt === undefined ? issuedMs : Math.max(createdAt.getTime(), answeredAt.getTime());
  return new Date(Math.min(issuedMs, latestMs));
}
