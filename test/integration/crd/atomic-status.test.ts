import { randomBytes } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { customResourceDefinition, KINDS } from "../../../src/api/crd.ts";
import { freshNamespace, rest } from "../../control-plane/control-plane.ts";
import { type JsonObject, userCertificate } from "./sample.ts";

const storedSchema = z.object({
  status: z.record(z.string(), z.json()),
  metadata: z.object({
    managedFields: z.array(z.object({ manager: z.string(), fieldsV1: z.object({ "f:status": z.json().optional() }) })),
  }),
});
const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const STATUS = {
  observedGeneration: 1,
  serialNumber: "1",
  revision: 2,
  conditions: [
    { type: "Ready", status: "True", reason: "Issued", message: "", lastTransitionTime: "2026-01-01T00:00:00Z" },
    { type: "Stalled", status: "False", reason: "Issued", message: "", lastTransitionTime: "2026-01-01T00:00:00Z" },
  ],
  lastAttempt: {
    ...{ time: "2026-01-01T00:00:00Z", reason: "UserNotFound", message: "m", needsPerson: true, failures: 1 },
    ...{ nextAttemptTime: "2026-01-01T00:00:00Z", generation: 1 },
  },
  recentIssuances: [{ time: "2026-01-01T00:00:00Z", reason: "SecretMissing", serialNumber: "1" }],
};

async function must(...request: Parameters<typeof rest>): Promise<unknown> {
  const { status, body } = await rest(...request);
  if (status >= 300) throw new Error(`${request[0]} ${request[1]}: ${status} ${JSON.stringify(body)}`);
  return body;
}

/** The kind as earlier versions of the CRD had it, with managed fields for each field of the status, in a group of its own. */
function granular(group: string): JsonObject {
  const text = JSON.stringify(customResourceDefinition(KINDS[0])).replaceAll("atlascerts.io", group);
  return JSON.parse(
    text.replace('"x-kubernetes-map-type":"atomic",', "").replace(',"x-kubernetes-map-type":"atomic"', ""),
  );
}

test("an upgrade of the CRD to an atomic status keeps every field of the statuses that are there", async () => {
  const namespace = await freshNamespace("atomic");
  const group = `g${randomBytes(4).toString("hex")}.example.com`;
  const name = `atlasusercertificates.${group}`;
  await must("POST", CRDS, granular(group));
  onTestFinished(() => void rest("DELETE", `${CRDS}/${name}`));
  const root = `/apis/${group}/v1alpha1/namespaces/${namespace}/atlasusercertificates`;
  await expect.poll(async () => (await rest("GET", root)).status, { timeout: 20_000 }).toBe(200);
  const resource = { ...userCertificate("orders", { monthsUntilExpiration: 6 }), apiVersion: `${group}/v1alpha1` };
  const orders = `${root}/orders`;
  const apply = "application/apply-patch+yaml";
  const patch = (status: JsonObject) =>
    must("PATCH", `${orders}/status?fieldManager=operator`, { status }, "application/merge-patch+json");
  const read = async () => storedSchema.parse(await must("GET", orders));
  await must("PATCH", `${orders}?fieldManager=user`, resource, apply);
  await patch(STATUS);
  expect((await read()).status).toEqual(STATUS);
  const owned = async () =>
    (await read()).metadata.managedFields.find(({ manager }) => manager === "operator")?.fieldsV1["f:status"];
  expect(await owned()).toHaveProperty("f:serialNumber");

  const text = JSON.stringify(customResourceDefinition(KINDS[0])).replaceAll("atlascerts.io", group);
  const shipped = z.object({ spec: z.json() }).parse(JSON.parse(text));
  await must("PATCH", `${CRDS}/${name}`, { spec: shipped.spec }, "application/merge-patch+json");
  // From here on the API server takes a while to serve the new schema.
  let revision = STATUS.revision;
  await expect
    .poll(
      async () => {
        revision += 1;
        await patch({ revision });
        return owned();
      },
      { timeout: 20_000 },
    )
    .toEqual({});
  expect((await read()).status).toEqual({ ...STATUS, revision });
  // The user applies the spec again, and takes a field away.
  await must("PATCH", `${orders}?fieldManager=user`, { ...resource, spec: userCertificate("orders").spec }, apply);
  expect((await read()).status).toEqual({ ...STATUS, revision });
  await patch({ lastAttempt: null });
  const { lastAttempt: __, ...rest_ } = STATUS;
  expect((await read()).status).toEqual({ ...rest_, revision });
});
