import { expect, it } from "vitest";
import { apply, kubectl } from "./commands.ts";
import { NAMESPACE } from "./installation.ts";
import { credentials, restrictedNamespace } from "./manifests.ts";
import {
  administrator,
  kubectlAs,
  PROJECT,
  projectOf,
  request,
  runCommandOf,
  STAGING,
  type Tenant,
  untilReadyIs,
} from "./platform.ts";
import type { SimulatorControls } from "./simulator.ts";

const shop: Tenant = { namespace: "team-a", user: "alice" };
const other: Tenant = { namespace: "team-b", user: "bob" };
const resource = ({ namespace }: Tenant, name: string) => ["auc", name, "--namespace", namespace];

/** The steps of the story in which two tenants share a project of the platform team. They leave nothing behind. */
export function platformSteps(atlas: SimulatorControls): void {
  it("gives each of two tenants the certificates that it grants them", async () => {
    await atlas.ask("PUT", `/projects/${STAGING}/users/team-b.billing`);
    const labels = { "atlascerts.io/credentials": "true" };
    const staging = credentials("atlas-staging");
    await apply(NAMESPACE, { ...staging, metadata: { ...staging.metadata, labels } }, projectOf(shop, other));
    for (const tenant of [shop, other]) {
      await apply("default", restrictedNamespace(tenant.namespace));
      await apply(tenant.namespace, administrator(tenant));
    }
    await untilReadyIs("True Reachable", ["apx", PROJECT]);
    await request(shop, "orders-api", "orders-api");
    await request(other, "billing", "team-b.billing");
    await untilReadyIs("True Issued", resource(shop, "orders-api"));
    await untilReadyIs("True Issued", resource(other, "billing"));
  });

  it("gives neither of them the other's, nor a way to ask for a restart", async () => {
    const creates = await atlas.creates();
    await request(shop, "stolen", "team-b.billing");
    await request(other, "stolen", "orders-api");
    for (const tenant of [shop, other]) await untilReadyIs("False NotGranted", resource(tenant, "stolen"));
    await expect(
      kubectlAs({ ...shop, namespace: other.namespace }, "get", "secret", "billing-mongodb"),
    ).rejects.toThrow("Forbidden");
    expect(await kubectlAs(shop, "get", "secret", "orders-api-mongodb", "--output=name")).toContain(
      "orders-api-mongodb",
    );
    for (const right of ["get apx", "patch apx", "create acxr", "get acxr"]) {
      const answer = await kubectlAs(shop, "auth", "can-i", ...right.split(" ")).catch(String);
      expect(answer, right).toMatch(/\bno\s*$/);
    }
    expect(await atlas.creates()).toBe(creates);
  });

  it("is blocked by customer-managed X.509, whose removal is the command in its status, and goes on", async () => {
    await atlas.ask("PUT", `/projects/${STAGING}/customerX509`, { cas: await atlas.ask("GET", "/ca.pem") });
    await kubectlAs(shop, "annotate", "auc/orders-api", "atlascerts.io/renew-requested-at=now");
    const blocked = await untilReadyIs("True CustomerManagedX509On", resource(shop, "orders-api"));
    const project = await untilReadyIs("False CustomerManagedX509On", ["apx", PROJECT]);
    const removal = await runCommandOf(project.messages);
    await kubectl("wait", removal, "--for=condition=Complete", "--timeout=60s");
    await untilReadyIs("True Issued", resource(shop, "orders-api"), { otherThan: blocked.serialNumber });
    await untilReadyIs("True Reachable", ["apx", PROJECT]);
    const { requests } = JSON.parse(await atlas.ask("GET", "/requests?operation=disableCustomerManagedX509"));
    expect(requests).toHaveLength(1);
    await kubectl("delete", `apx/${PROJECT}`, removal);
    await kubectl("delete", "namespace", shop.namespace, other.namespace, "--wait=false");
  });
}
