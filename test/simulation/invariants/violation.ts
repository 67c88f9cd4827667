/** The rules that every run must keep, by the letters that they are known by. */
export const INVARIANTS = {
  a: "Ready is True only with a matching, unexpired pair of the right user that Atlas holds",
  b: "no certificate is dropped; at most one orphan per resource and crash or lost answer; each one is told, and no other",
  c: "daily budget and limit of unexpired certificates hold, renewals due by time excepted: one for each certificate",
  d: "no create without a record, and never two for one record",
  e: "a Secret that is somebody else's stays what it was, and only good pairs are written",
  f: "at rest nothing is written and nothing asked but the verification",
  g: "Ready is False a minute after the certificate has expired",
  h: "what can be Ready is Ready within a bounded time",
  i: "no certificate is created while a good one is there and the operator can know",
  j: "a tenant whom nothing disturbs is Ready within two minutes, whatever the others do",
  l: "no attempt begins before the end of a backoff that the status records, whichever process began it",
  m: "no certificate is created once the operator can know that its grant was withdrawn",
  n: "a replaced certificate restarts its workload: once, at most every ten minutes, and none is forgotten",
  k: "the operator logs no defect of its own",
} as const;

export type Invariant = keyof typeof INVARIANTS;

export interface Violation {
  readonly invariant: Invariant;
  readonly at: number;
  /** The resource, or what else it is about. */
  readonly subject: string;
  readonly message: string;
}

/** Reports one; the first of each invariant and subject counts. */
export type Report = (invariant: Invariant, subject: string, message: string) => void;
