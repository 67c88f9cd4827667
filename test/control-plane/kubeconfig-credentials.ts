import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import type { ClientCredentials } from "./credentials.ts";

const base64 = z.base64().transform((text) => Buffer.from(text, "base64").toString("utf8"));
const kubeconfigSchema = z.object({
  clusters: z.tuple([z.object({ cluster: z.object({ server: z.url(), "certificate-authority-data": base64 }) })]),
  users: z.tuple([z.object({ user: z.object({ "client-certificate-data": base64, "client-key-data": base64 }) })]),
});

/** Takes the path of a kubeconfig of this control plane: one cluster, one user with a client certificate. */
export function readCredentials(kubeconfigPath: string): ClientCredentials {
  return parseCredentials(readFileSync(kubeconfigPath, "utf8"));
}

/** The same from the text, as `addUser` gives it. */
export function parseCredentials(kubeconfig: string): ClientCredentials {
  const { clusters, users } = kubeconfigSchema.parse(parse(kubeconfig));
  return {
    server: clusters[0].cluster.server,
    caPem: clusters[0].cluster["certificate-authority-data"],
    certPem: users[0].user["client-certificate-data"],
    keyPem: users[0].user["client-key-data"],
  };
}
