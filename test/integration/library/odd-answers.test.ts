import { createPrivateKey, X509Certificate } from "node:crypto";
import { describe, expect, test, vi } from "vitest";
import type { Fault } from "../../../src/simulator/faults.ts";
import { PROJECT, SimulatedAtlas, USER } from "../../library/simulated-atlas.ts";

/** What Atlas' specification and that of HTTP allow, and a client has to take. */

describe("a create gives the certificate and its key", () => {
  const creates: readonly (readonly [string, Fault["effect"]])[] = [
    ["under 202", { kind: "answerStatus", status: 202 }],
    ["under 206", { kind: "answerStatus", status: 206 }],
    ["behind an unsolicited 100 Continue", { kind: "continueFirst" }],
    ["compressed by gzip", { kind: "encodedBody", encoding: "gzip" }],
    ["compressed by br", { kind: "encodedBody", encoding: "br" }],
    ["under a length that promises more", { kind: "overstatedLength" }],
    ["without the last chunk", { kind: "missingLastChunk" }],
    ["in a body that is longer than any", { kind: "overlongBody" }],
  ];

  async function expectPair(create: ReturnType<ReturnType<SimulatedAtlas["api"]>["createDatabaseUserCertificate"]>) {
    const pem = (await create).reveal();
    expect(new X509Certificate(pem).checkPrivateKey(createPrivateKey(pem))).toBe(true);
  }

  test.each(creates)("%s", async (_, effect) => {
    await using under = await SimulatedAtlas.start();
    under.atlas.faults.add({ operation: "createDatabaseUserCertificate", effect });
    await expectPair(under.api("serviceAccount").createDatabaseUserCertificate(USER));
    expect(under.atlas.log.count("createDatabaseUserCertificate")).toBe(1);
  });

  test("on a connection that does not end before the deadline", async () => {
    await using under = await SimulatedAtlas.start();
    const effect = { kind: "unendingBody" } as const;
    under.atlas.faults.add({ operation: "createDatabaseUserCertificate", effect });
    const create = under.api("serviceAccount").createDatabaseUserCertificate(USER);
    const pair = expectPair(create);
    await vi.waitFor(() => {
      expect(under.atlas.log.entries("createDatabaseUserCertificate")[0]?.status).toBe(201);
    }, 60_000);
    // The body is on its way; another exchange behind it tells that it has come.
    await under.api("apiKey").listDatabaseUserCertificates(USER);
    under.clock.advanceNow(30_000);
    await pair;
  });
});

describe("a list is complete", () => {
  const lists: readonly (readonly [string, Fault["effect"]])[] = [
    ["whose count takes in expired certificates", { kind: "countsExpired" }],
    ["whose count is too high", { kind: "countOff", by: 3 }],
    ["whose count is too low", { kind: "countOff", by: -1 }],
    ["whose count is null", { kind: "sparseList", asNull: ["totalCount"] }],
    ["that leaves the subject out", { kind: "sparseList", without: ["subject"] }],
    ["that leaves the time of creation out", { kind: "sparseList", without: ["createdAt"] }],
    ["whose time of creation is null", { kind: "sparseList", asNull: ["createdAt"] }],
    ["that leaves the project out", { kind: "sparseList", without: ["groupId"] }],
    ["without links", { kind: "sparseList", without: ["links"] }],
    ["whose links are null", { kind: "sparseList", asNull: ["links"] }],
    ["whose links have no rel", { kind: "sparseList", without: ["rel"] }],
    ["whose links have no href", { kind: "sparseList", without: ["href"] }],
    ["whose times end with +0000", { kind: "sparseList", times: "+0000" }],
    ["whose times end with +00:00", { kind: "sparseList", times: "+00:00" }],
    ["whose times have fractions of a second", { kind: "sparseList", times: ".000Z" }],
    ["that is compressed", { kind: "encodedBody" }],
    ["behind an unsolicited 100 Continue", { kind: "continueFirst" }],
  ];

  test.each(lists)("%s", async (_, effect) => {
    await using under = await SimulatedAtlas.start({ monthMs: 1000 });
    const api = under.api("serviceAccount");
    await api.createDatabaseUserCertificate({ ...USER, userCert: { monthsUntilExpiration: 1 } });
    under.clock.advanceNow(1000);
    await api.createDatabaseUserCertificate(USER);
    await api.createDatabaseUserCertificate(USER);
    const [, ...unexpired] = under.atlas.certificates(PROJECT, USER.username);

    under.atlas.faults.add({ operation: "listDatabaseUserCertificates", times: "always", effect });
    const { certificates } = await api.listAllDatabaseUserCertificates(USER);
    const listed = certificates.map(({ serialNumber, notAfter }) => ({ serialNumber, notAfter }));
    expect(listed).toEqual(unexpired.map(({ serialNumber, notAfter }) => ({ serialNumber, notAfter })));
  });

  test("but for a certificate without an end, whose place the error names", async () => {
    await using under = await SimulatedAtlas.start();
    const api = under.api("serviceAccount");
    await api.createDatabaseUserCertificate(USER);
    const effect = { kind: "sparseList" as const, without: ["notAfter" as const] };
    under.atlas.faults.add({ operation: "listDatabaseUserCertificates", times: "always", effect });
    await expect(api.listDatabaseUserCertificates(USER)).rejects.toMatchObject({
      kind: "badAnswer",
      message: expect.stringContaining("results.0.notAfter"),
    });
  });
});
