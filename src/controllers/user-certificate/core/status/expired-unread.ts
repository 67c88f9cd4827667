import { type Condition, type ConditionType, findCondition, RESTART_CONDITION } from "../../../../api/conditions.ts";
import type { UserCertificate } from "../../../../api/parse-user-certificate.ts";
import { timestamp } from "../../../../api/timestamp.ts";

/** Why a resource could not be read, as far as a condition may tell. */
export interface ReadFailure {
  readonly problem: string;
  /** Whether a person has to act. */
  readonly remedy: string | undefined;
}

/**
 * The conditions of a resource that cannot be read while its certificate has expired and the status still says Ready.
 * Everything else that the last reconcile left stands: nothing is known that speaks against it.
 *
 * @returns undefined if there is nothing to report
 */
export function expiredUnread(
  { generation, spec, status }: UserCertificate,
  { problem, remedy }: ReadFailure,
  nowMs: number,
): Condition[] | undefined {
  const { notAfter, serialNumber } = status;
  const isReady = findCondition(status, "Ready")?.status === "True";
  if (!isReady || notAfter === undefined || Date.parse(notAfter) > nowMs) return undefined;
  const expired = `Certificate ${serialNumber} expired at ${notAfter}.`;
  const unread = `The operator cannot tell whether Secret ${spec.secretName} holds a newer one (${problem}).`;
  const next = remedy === undefined ? " The operator retries with a backoff." : "";
  const condition = (type: ConditionType, value: "True" | "False", message: string): Condition => {
    const previous = findCondition(status, type);
    return {
      ...{ type, status: value, reason: "Expired", message, observedGeneration: generation },
      lastTransitionTime: previous?.status === value ? previous.lastTransitionTime : timestamp(nowMs),
    };
  };
  const others = (status.conditions ?? []).filter(({ type }) => type === RESTART_CONDITION);
  return [
    condition("Ready", "False", `${expired} ${unread}${next}`),
    condition("Issuing", "False", "No certificate is being issued."),
    remedy === undefined
      ? condition("Stalled", "False", "No action is required.")
      : condition("Stalled", "True", `${unread} ${remedy}`),
    ...others,
  ];
}
