import { describe, expect, test } from "vitest";
import { kubectl } from "../../control-plane/control-plane.ts";
import { ownControlPlane } from "../faults/own-control-plane.ts";
import { temporaryFolder } from "../temporary-file.ts";
import { Platform } from "./platform.ts";
import { Removals } from "./removals.ts";
import { PRODUCTION } from "./scene.ts";

/** What the platform team sees of AtlasProjectX509 and AtlasCustomerX509Removal with kubectl. */

const own = ownControlPlane();

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const AGE = expect.stringMatching(/^\d+s$/);

async function kubectlHere() {
  const cache = await temporaryFolder();
  return (...args: string[]) =>
    kubectl(`--kubeconfig=${own().running.kubeconfigPath}`, `--cache-dir=${cache}`, ...args);
}

/** The cells of what `kubectl get` prints: none of those here has two spaces in it. */
function cells(printed: string): readonly (readonly string[])[] {
  const lines = printed.trimEnd().split("\n");
  return lines.map((line) => line.trimEnd().split(/ {2,}/));
}

test("a project, a request that acts and one that fails tell their stories", async () => {
  const platform = await Platform.open(own());
  const removals = new Removals(platform);
  const run = await kubectlHere();
  removals.switchOn();
  await platform.project([]);
  const project = await removals.untilProject("False CustomerManagedX509On");

  const on = ["production", "False", "CustomerManagedX509On", PRODUCTION, "0", "0", "true", AGE];
  expect(cells(await run("get", "apx"))).toEqual([
    ["NAME", "READY", "REASON", "PROJECT", "RESOURCES", "RESOURCES-READY", "CUSTOMER-X509", "AGE"],
    on,
  ]);
  const [head = [], row = []] = cells(await run("get", "atlasprojectx509", "-o", "wide"));
  expect(head.slice(on.length)).toEqual(["UNEXPIRED", "TOKENS", "MESSAGE"]);
  expect(row.at(-1)).toMatch(/^Customer-managed X\.509 is on in project/);
  // The command can be copied as it stands.
  await expect
    .poll(() => run("describe", "apx", "production"))
    .toMatch(/Events:\n[\s\S]*Warning +CustomerManagedX509On[\s\S]*\nkubectl create -f - <<EOF\n[\s\S]*\nEOF\n/);

  const failed = await removals.create({ certificateAuthorities: [`sha256:${"0".repeat(64)}`] });
  await removals.until(failed, "Failed CertificateAuthoritiesDiffer");
  const done = await removals.createFrom(project);
  await removals.until(done, "Complete Removed");
  const requests = cells(await run("get", "acxr", "--sort-by=.metadata.creationTimestamp"));
  expect(requests[0]).toEqual(["NAME", "COMPLETE", "FAILED", "REASON", "PROJECT", "NOT-AFTER", "REQUESTED", "AGE"]);
  expect(requests).toContainEqual([done, "True", "False", "Removed", "production", TIME, TIME, AGE]);
  expect(requests.find(([name]) => name === failed)?.slice(0, 5)).toEqual([
    ...[failed, "False", "True", "CertificateAuthoritiesDiffer", "production"],
  ]);
  const described = await run("describe", "acxr", failed);
  expect(described).toContain(`Atlas has ${removals.fingerprint} (CN=Root).`);
  expect(described).toMatch(/Find out who set them before you create a new AtlasCustomerX509Removal\.$/m);
});

describe("kubectl explain", () => {
  test.each([
    ["apx", "without access to the project's API credentials"],
    ["apx.spec.grants", "All fields must match."],
    ["apx.spec.grants.maxMonths", "Atlas cannot revoke a certificate"],
    ["apx.status.ready", "AtlasUserCertificates that use the project through a grant and are ready"],
    ["acxr", "only if exactly the named certificate authorities are set, and never twice"],
    ["acxr.spec.notAfter", "at most 24 hours"],
    ["acxr.spec.acknowledgeRollingRestart", "restarts the nodes of every cluster"],
    ["acxr.status.requestedAt", "it never sends the request twice"],
  ])("of %s says %j", async (field, text) => {
    const run = await kubectlHere();
    // kubectl breaks lines where it likes.
    expect((await run("explain", field)).replaceAll(/\s+/g, " ")).toContain(text);
  });
});
