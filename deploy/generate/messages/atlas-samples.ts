import { timestamp } from "../../../src/api/timestamp.ts";
import { parseCredentials } from "../../../src/atlas/authentication/credentials.ts";
import type { AtlasError } from "../../../src/atlas/errors/atlas-error.ts";
import type { CertificateFacts } from "../../../src/certificate/certificate-facts.ts";
import { checkIssued, MONTH_MS } from "../../../src/certificate/check-issued.ts";
import { DAY_MS, HOUR_MS } from "../../../src/clock.ts";
import { answerUnusable, atlasBlocker } from "../../../src/controllers/user-certificate/atlas/atlas-blocker.ts";
import { calendarOf } from "../../../src/controllers/user-certificate/atlas/calendar.ts";
import type { CredentialsState } from "../../../src/controllers/user-certificate/core/model/snapshot.ts";
import {
  FACTS,
  FRESH,
  following,
  listed,
  NOW,
  recent,
  reconciled,
  resource,
  serials,
  settled,
} from "../../../src/controllers/user-certificate/testing/snapshots.ts";
import { ATLAS_ERRORS, gateErrors } from "./atlas-errors.ts";
import { WITHOUT_SECRETS } from "./no-secrets.ts";
import { type Sample, seen } from "./samples.ts";

import { failure, nothingYet, refused, SPEC, THROUGH_PROJECT } from "./situations.ts";

const GRANTED = { kind: "granted", isTaken: false } as const;

export async function atlasSamples() {
  const { rejected, changedOften } = await gateErrors();
  return {
    CredentialsMissing: [
      seen(
        "The spec names no credentials",
        reconciled(
          nothingYet({ spec: { credentialsRef: undefined } }, { credentials: { kind: "unnamed", version: undefined } }),
        ),
      ),
      seen("The Secret does not exist", reconciled(nothingYet({}, { credentials: await absentCredentials() }))),
      seen("While a certificate is valid", reconciled(settled({ credentials: await absentCredentials() }))),
      ...[
        { title: "The Secret holds other keys", entries: { password: "x" } },
        { title: "The Secret lacks a key", entries: { clientId: "mdb_sa_id_0" } },
        {
          title: "The Secret holds keys of both kinds",
          entries: { clientId: "mdb_sa_id_0", publicApiKey: "abcdefgh" },
        },
        { title: "A value is empty", entries: { clientId: "mdb_sa_id_0", clientSecret: "" } },
        { title: "A value has a line break", entries: { clientId: "mdb_sa_id_0", clientSecret: "a\nb" } },
        { title: "A value has a colon", entries: { publicApiKey: "a:b", privateApiKey: "c" } },
        { title: "The values are swapped", entries: { clientId: "mdb_sa_sk_0", clientSecret: "mdb_sa_id_0" } },
      ].map(({ title, entries }) => seen(title, reconciled(nothingYet({}, { credentials: credentialsOf(entries) })))),
      seen(
        "The credentials of the AtlasProjectX509 are missing",
        reconciled(
          nothingYet({ spec: THROUGH_PROJECT }, { project: GRANTED, credentials: credentialsOf({ password: "x" }) }),
        ),
      ),
    ],
    CredentialsRejected: [
      ...twice(ATLAS_ERRORS.credentials),
      atlas("Another resource's request has already failed", rejected),
    ],
    RoleMissing: twice(ATLAS_ERRORS.role),
    IpNotOnAccessList: twice(ATLAS_ERRORS.accessList),
    ProjectNotFound: [...twice(ATLAS_ERRORS.projectNotFound), throughProject(ATLAS_ERRORS.projectNotFound)],
    UserNotFound: twice(ATLAS_ERRORS.userNotFound),
    CustomerManagedX509On: [...twice(ATLAS_ERRORS.customerManagedOn), throughProject(ATLAS_ERRORS.customerManagedOn)],
    RequestRejected: [
      atlas("Atlas rejects the list", ATLAS_ERRORS.badRequest),
      atlas("Atlas rejects the create", ATLAS_ERRORS.badCreate),
    ],
    IssuanceBudgetSpent: [
      seen(
        "Before the first certificate",
        reconciled(nothingYet({ status: { recentIssuances: issuedToday() } }, { atlas: listed() })),
      ),
      seen(
        "While a certificate is valid",
        reconciled(
          settled({
            renewRequest: "again",
            atlas: listed(FACTS.serialNumber),
            status: { recentIssuances: issuedToday() },
          }),
        ),
      ),
    ],
    TooManyUnexpired: [
      seen("The operator's own limit", reconciled(nothingYet({}, { atlas: listed(...serials(10)) }))),
      atlas("Atlas' limit", ATLAS_ERRORS.certificateLimit),
    ],
    RateLimited: [
      ...twice(ATLAS_ERRORS.rateLimited),
      atlas("The operator waits for its own share of the rate limit", ATLAS_ERRORS.paced),
      atlas("The credentials changed too often", changedOften),
    ],
    AtlasUnavailable: [
      ...twice(ATLAS_ERRORS.serverError),
      atlas("Atlas cannot be reached", ATLAS_ERRORS.unreachable),
      atlas("Atlas does not answer in time", ATLAS_ERRORS.slow),
      atlas("The TLS certificate is not trusted", ATLAS_ERRORS.untrusted),
      atlas("The proxy asks for credentials", ATLAS_ERRORS.proxyCredentials),
      atlas("A login page answers instead of Atlas", ATLAS_ERRORS.loginPage),
      atlas("The content is not Atlas'", ATLAS_ERRORS.badContent),
      seen("An outage follows a problem that needs a person", outageAfter(ATLAS_ERRORS.role)),
    ],
    AnswerLost: [
      seen(
        "The connection broke during the create",
        failure(nothingYet(), atlasBlocker(ATLAS_ERRORS.answerLost, SPEC), true),
      ),
      seen(
        "Atlas answered the create with a server error",
        failure(nothingYet(), atlasBlocker(ATLAS_ERRORS.createFailed, SPEC), true),
      ),
    ],
    AnswerUnusable: [
      seen(
        "The certificate is for another user",
        failure(
          nothingYet(),
          answerUnusable(mismatch({ subject: [{ type: "CN", value: "billing" }] }), calendarOf()),
          true,
        ),
      ),
      seen(
        "The certificate is older than the request",
        failure(nothingYet(), answerUnusable(mismatch({ serialNumber: "1001" }), calendarOf()), true),
      ),
      seen(
        "The lifetime is wrong",
        failure(nothingYet(), answerUnusable(mismatch({ notAfter: new Date(NOW + 30 * DAY_MS) }), calendarOf()), true),
      ),
      seen(
        "The certificate has expired",
        failure(nothingYet(), answerUnusable(mismatch({ notAfter: new Date(NOW - DAY_MS) }), calendarOf()), true),
      ),
    ],
  };
}

/** An error of Atlas before the first certificate, and while a certificate is valid. */
function twice(error: AtlasError): readonly Sample[] {
  return [
    atlas("Before the first certificate", error),
    seen("While a certificate is valid", reconciled(settled({ atlas: refused(error) }))),
  ];
}

function atlas(title: string, error: AtlasError): Sample {
  return seen(title, reconciled(nothingYet({}, { atlas: refused(error), attempted: refused(error) })));
}

function outageAfter(error: AtlasError) {
  const first = reconciled(settled({ atlas: refused(error) }));
  const later = { atlas: refused(ATLAS_ERRORS.unreachable), nowMs: NOW + HOUR_MS };
  return reconciled(following(first, later));
}

/** The refusal that a resource of an AtlasProjectX509 meets. */
function throughProject(error: AtlasError): Sample {
  const atlas = refused(error, resource({ spec: THROUGH_PROJECT }).spec);
  return seen(
    "Through an AtlasProjectX509",
    reconciled(nothingYet({ spec: THROUGH_PROJECT }, { project: GRANTED, atlas })),
  );
}

async function absentCredentials(): Promise<CredentialsState> {
  const found = await WITHOUT_SECRETS.of({ namespace: "shop", name: "atlas-api" });
  if (found.kind !== "unusable") throw new Error("the Secret exists");
  return found;
}

function credentialsOf(entries: Readonly<Record<string, string>>): CredentialsState {
  const parsed = parseCredentials(entries);
  if (parsed.ok) throw new Error("the credentials can be used");
  return { kind: "unusable", version: "31", problem: parsed.problem };
}

function mismatch(change: Partial<CertificateFacts>): string {
  const request = { username: "orders-api", monthsUntilExpiration: 3, monthMs: MONTH_MS, knownSerials: ["1001"] };
  const problem = checkIssued({ ...FRESH, ...change }, request, NOW);
  if (problem === undefined) throw new Error("the certificate matches");
  return problem;
}

function issuedToday() {
  return serials(4).map((serialNumber) => recent({ serialNumber, notAfter: timestamp(FACTS.notAfter.getTime()) }));
}
