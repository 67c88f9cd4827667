import { expect, test } from "vitest";
import type { UserCertificate } from "../../../../api/parse-user-certificate.ts";
import type { UserCertificateStatus } from "../../../../api/user-certificate-status.ts";
import { issuance, PROJECT, recent, resource } from "../../testing/snapshots.ts";
import type { OthersOfUser } from "../model/snapshot.ts";
import type { User } from "../model/user.ts";
import { type DepartedHistory, othersOfUser } from "./others-of-user.ts";

const OURS = { projectId: PROJECT, username: "orders-api" };
const BILLING = { projectId: PROJECT, username: "billing" };

function other(status: UserCertificateStatus, change: Partial<UserCertificate> = {}): UserCertificate {
  return { ...resource({ name: "other", uid: "uid-other", status }), ...change };
}

const mine = recent({ ...OURS, serialNumber: "2001" });
const billing = recent({ ...BILLING, serialNumber: "2002" });
const lost = recent({ ...OURS, serialNumber: "2003", lost: "AnswerLost" });
const attempt = issuance({ ...OURS, id: "other's" });

const cases: readonly (readonly [string, readonly UserCertificate[], Partial<OthersOfUser>])[] = [
  ["leaves out the resource itself", [resource({ status: { issuance: attempt } })], { count: 0, attempts: [] }],
  ["counts a living resource of the user", [other({})], { count: 1 }],
  ["does not count one that is being deleted", [other({}, { deleting: true })], { count: 0 }],
  [
    "does not count one that names another user by now, but has its certificates of this one",
    [other({ recentIssuances: [mine, billing] }, { spec: { ...resource().spec, ...BILLING } })],
    { count: 0, issuances: [mine], explained: new Set(["2001", "2002"]) },
  ],
  ["has the attempt of a living resource", [other({ issuance: attempt })], { attempts: [attempt] }],
  ["has no attempt of one that is being deleted", [other({ issuance: attempt }, { deleting: true })], { attempts: [] }],
  [
    "does not take a lost certificate for explained",
    [other({ recentIssuances: [lost] })],
    { issuances: [lost], explained: new Set() },
  ],
  [
    "takes the certificates that are held and parked for explained",
    [
      other({
        serialNumber: "2004",
        issuance: issuance({
          ...OURS,
          parked: { pod: "pod-1", serialNumber: "2005", notAfter: "2030-04-01T00:00:00Z" },
        }),
      }),
    ],
    { explained: new Set(["2004", "2005"]) },
  ],
];

test.each(cases)("what others account for %s", (_what, found, expected) => {
  expect(othersOfUser(resource(), { ofUser: () => found, departed: [] })).toMatchObject(expected);
});

test("certificates of deleted resources still count, those of other users do not", () => {
  const departed: DepartedHistory = { issuances: [mine, billing], attempts: [attempt], unconfirmed: "2006" };
  const others = othersOfUser(resource(), { ofUser: () => [], departed: [departed] });
  expect(others).toMatchObject({ count: 0, issuances: [mine], attempts: [attempt], unconfirmed: ["2006"] });
});

test("while an attempt is open for another user, certificates of that one are explained too", () => {
  const own = resource({ status: { issuance: issuance(BILLING) } });
  const ofUser = ({ username }: User) => (username === "billing" ? [other({ serialNumber: "2007" })] : []);
  const { count, explained } = othersOfUser(own, { ofUser, departed: [] });
  expect({ count, explained }).toEqual({ count: 0, explained: new Set(["2007"]) });
});
