import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { HELM_BUILD_MS, helmPath, only, RELEASE, render, type Values } from "./rendering.ts";

const ruleSchema = z.object({
  ports: z.array(z.object({ port: z.union([z.string(), z.number()]) })),
  to: z.array(z.unknown()).optional(),
});
const policySchema = z.object({ spec: z.object({ egress: z.array(ruleSchema).default([]) }) });

/** Where the operator's pods may go, as `port,port to …`. */
async function egress(values: Values): Promise<readonly string[]> {
  const policy = policySchema.parse(only(await render(values), "NetworkPolicy", RELEASE));
  return policy.spec.egress.map(
    ({ ports, to }) =>
      `${ports.map(({ port }) => port).join()} to ${to === undefined ? "anywhere" : JSON.stringify(to)}`,
  );
}

beforeAll(async () => {
  await helmPath();
}, HELM_BUILD_MS);

describe("the operator's pods may go to", () => {
  test("DNS, the API server and Atlas", async () => {
    expect(await egress({})).toEqual(["53,53 to anywhere", "443,6443,8443,16443 to anywhere", "443 to anywhere"]);
  });

  test("Atlas where and on the port that the values say", async () => {
    const networkPolicy = { atlasCidrs: ["192.0.2.0/24"] };
    expect(await egress({ atlas: { baseUrl: "https://atlas.example.com:8443" }, networkPolicy })).toContain(
      '8443 to [{"ipBlock":{"cidr":"192.0.2.0/24"}}]',
    );
  });

  test("the API server where and on the port that the values say", async () => {
    const networkPolicy = { apiServerCidrs: ["192.0.2.1/32"], apiServerPorts: [6443] };
    expect(await egress({ networkPolicy })).toContain('6443 to [{"ipBlock":{"cidr":"192.0.2.1/32"}}]');
  });

  test("the simulator's pods in place of Atlas", async () => {
    const [, , atlas, ...more] = await egress({ simulator: { enabled: true } });
    expect(atlas).toContain('api to [{"podSelector":');
    expect(atlas).toContain('"app.kubernetes.io/component":"simulator"');
    expect(more).toEqual([]);
  });
});

test("the simulator's pod may go nowhere", async () => {
  const objects = await render({ simulator: { enabled: true } });
  expect(only(objects, "NetworkPolicy", `${RELEASE}-simulator`).spec).toMatchObject({
    policyTypes: ["Ingress", "Egress"],
  });
  expect(policySchema.parse(only(objects, "NetworkPolicy", `${RELEASE}-simulator`)).spec.egress).toEqual([]);
});
