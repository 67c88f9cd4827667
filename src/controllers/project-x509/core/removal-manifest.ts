import { API_GROUP, API_VERSION } from "../../../api/names.ts";

/**
 * A command that asks the operator to remove customer-managed X.509. The end of the request is computed when the command
 * runs: a time in a status would be over soon. The clock of a time zone two hours ahead does for every `date`; the options
 * that add hours differ between systems.
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
    `  notAfter: "$(TZ=UTC-2 date +%FT%TZ)" # in 2 hours`,
    "  acknowledgeRollingRestart: true",
    "EOF",
  ].join("\n");
}
