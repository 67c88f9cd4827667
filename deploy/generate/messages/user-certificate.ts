import type { BLOCKED_REASONS, EVENT_REASONS, ISSUE_REASONS, RESTART_REASONS } from "../../../src/api/reasons.ts";
import { atlasSamples } from "./atlas-samples.ts";
import { eventSamples } from "./event-samples.ts";
import { grantSamples } from "./grant-samples.ts";
import { issueSamples } from "./issue-samples.ts";
import { restartSamples } from "./restart-samples.ts";
import type { Sample } from "./samples.ts";
import { secretSamples } from "./secret-samples.ts";

/** A word that a condition or an Event of an AtlasUserCertificate can carry as its reason. */
export type Reason =
  | (typeof ISSUE_REASONS)[number]
  | (typeof BLOCKED_REASONS)[number]
  | (typeof RESTART_REASONS)[number]
  | (typeof EVENT_REASONS)[number];

/** For each reason the situations that have it: a reason without one does not compile. */
export async function userCertificateSamples(): Promise<Readonly<Record<Reason, readonly Sample[]>>> {
  return {
    ...(await issueSamples()),
    ...secretSamples(),
    ...grantSamples(),
    ...(await atlasSamples()),
    ...restartSamples(),
    ...eventSamples(),
  };
}
