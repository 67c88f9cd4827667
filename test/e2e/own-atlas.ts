import { apply, get, helm, kubectl } from "./commands.ts";
import { CHART, commonValues, NAMESPACE, type Values } from "./installation.ts";
import { SimulatorControls } from "./simulator.ts";

/**
 * A simulated Atlas that is no part of the operator's release, as the real one is not: it outlives upgrades and
 * uninstallations, and remembers what it issued.
 */
export const OWN_ATLAS = "atlas";
const HOST = `atlas-simulator.${OWN_ATLAS}.svc`;
const CA = "private-ca";

export const ownAtlas = new SimulatorControls(OWN_ATLAS, "atlas-simulator");

/** Starts it, from the chart's own templates, in a namespace of its own that is there already. */
export async function startOwnAtlas(month: string): Promise<void> {
  const { image } = commonValues();
  const rendered = await helm(
    ...["template", OWN_ATLAS, CHART, "--namespace", OWN_ATLAS, "--set=simulator.enabled=true"],
    ...[`--set=simulator.month=${month}`, "--set=fullnameOverride=atlas", `--set-json=image=${JSON.stringify(image)}`],
    ...["serviceaccount", "secret", "service", "deployment"].flatMap((name) => [
      "--show-only",
      `templates/simulator/${name}.yaml`,
    ]),
  );
  await apply(OWN_ATLAS, rendered);
  await kubectl("rollout", "status", "deployment/atlas-simulator", "--namespace", OWN_ATLAS, "--timeout=120s");
}

/** Values of an operator that is sent there as it would be to an Atlas behind a private CA. */
export async function ownAtlasValues(month: string): Promise<Values> {
  const { data } = await get<{ data: Record<string, string> }>(
    ...["secret", "atlas-simulator-tls", "--namespace", OWN_ATLAS],
  );
  const ca = Buffer.from(data["ca.crt"] ?? "", "base64").toString("utf8");
  await apply(NAMESPACE, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: CA }, data: { "ca.crt": ca } });
  return {
    ...commonValues(),
    atlas: { baseUrl: `https://${HOST}`, caFile: "/etc/private-ca/ca.crt" },
    extraVolumes: [{ name: CA, configMap: { name: CA } }],
    extraVolumeMounts: [{ name: CA, mountPath: "/etc/private-ca", readOnly: true }],
    extraArgs: [`--simulated-month=${month}`],
    // What Atlas lists is looked at soon: that is how one sees that nothing had to be issued.
    verifyInterval: "5s",
  };
}
