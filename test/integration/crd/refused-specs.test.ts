import { beforeAll, describe, expect, test } from "vitest";
import { rest } from "../../control-plane/control-plane.ts";
import { REFUSED_SPECS, type RefusedSpec } from "./refused-specs.ts";
import { create, namespaceOfFile, refusal, stored, tryCreate, tryUpdate, userCertificate } from "./sample.ts";

const namespace = namespaceOfFile("refused");

const REFUSED_BY_NAME = REFUSED_SPECS.map((row) => [row.what, row] as const);

const theOneCause = ({ field, sentence }: RefusedSpec) => [{ field, message: expect.stringContaining(sentence) }];

describe("the API server, asked to create a resource,", () => {
  test.each(REFUSED_BY_NAME)("refuses %s and says what is allowed", async (_, row) => {
    expect(refusal(await tryCreate(namespace, row.change))).toEqual(theOneCause(row));
  });

  test("names every field that is wrong at once", async () => {
    const answer = await tryCreate(namespace, {
      projectId: "x",
      username: "",
      monthsUntilExpiration: 25,
      secretName: "A",
    });
    const fields = refusal(answer).map(({ field }) => field);
    expect(new Set(fields)).toEqual(
      new Set(["spec.projectId", "spec.username", "spec.monthsUntilExpiration", "spec.secretName"]),
    );
  });

  test("refuses a resource without a spec", async () => {
    const path = `/apis/atlascerts.io/v1alpha1/namespaces/${namespace}/atlasusercertificates?dryRun=All`;
    const answer = await rest("POST", path, { ...userCertificate("tried"), spec: undefined });
    expect(refusal(answer)).toEqual([{ field: "spec", message: "Required value" }]);
  });

  test.each([
    ["spec.rewnewBefore", { rewnewBefore: "720h" }],
    ["spec.credentialsRef.namespace", { credentialsRef: { namespace: "other" } }],
    ["spec.secretTemplate.type", { secretTemplate: { type: "Opaque" } }],
  ])("refuses the unknown field %s", async (field, change) => {
    const answer = await tryCreate(namespace, change);
    const message = expect.stringContaining(`unknown field "${field}"`);
    expect(answer).toEqual({ status: 400, body: expect.objectContaining({ message }) });
  });
});

describe("the API server, asked to change a resource,", () => {
  beforeAll(() => create(namespace, "stored"));

  test.each(REFUSED_BY_NAME)("refuses %s and says what is allowed", async (_, row) => {
    expect(refusal(await tryUpdate(namespace, "stored", row.change))).toEqual(theOneCause(row));
  });

  test("refuses a shorter lifetime where renewBefore no longer fits into it", async () => {
    await create(namespace, "renewed-late", { renewBefore: "1440h" });
    expect(stored(await tryUpdate(namespace, "renewed-late", { username: "other" })).spec.username).toBe("other");
    const answer = await tryUpdate(namespace, "renewed-late", { monthsUntilExpiration: 2 });
    expect(refusal(answer)).toEqual([
      {
        field: "spec.renewBefore",
        message: expect.stringContaining("renewBefore must be shorter than the certificate's lifetime"),
      },
    ]);
  });

  test("refuses a percentage beside the renewBefore that is there", async () => {
    await create(namespace, "renewed-early", { renewBefore: "720h" });
    expect(refusal(await tryUpdate(namespace, "renewed-early", { renewBeforePercentage: 33 }))).toEqual([
      {
        field: "spec.renewBeforePercentage",
        message: expect.stringContaining("set renewBefore or renewBeforePercentage, not both"),
      },
    ]);
  });
});
