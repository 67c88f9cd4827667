import { API_GROUP, API_VERSION } from "../../../api/names.ts";

/**
 * A command that asks the operator to remove customer-managed X.509. The end of the request is computed when the command
 * runs: a time in a status would be over soon.
 */
export function removalCommand(project: string, fingerprints: readonly string[]): string {
  return [
    "kubectl create -f - <<EOF",
    `apiVersion: ${API_GROUP}/${API_VERSION}`,
    "kind: AtlasCustomerX509Removal",
    "metadata:",
    `  generateName: ${project}-`,
    "spec:",
    "  projectRef:",
    `    name: ${project}`,
    "  certificateAuthorities:",
    ...fingerprints.map((fingerprint) => `    - ${fingerprint}`),
    `  notAfter: "$(date -u -d '+2 hours' +%FT%TZ)"`,
    "  acknowledgeRollingRestart: true",
    "EOF",
  ].join("\n");
}
