import { createPrivateKey, X509Certificate } from "node:crypto";
import { z } from "zod";
import { isReady, type ListedResource, secretPath } from "./resources.ts";
import type { BenchScene } from "./scene.ts";

const secretSchema = z.object({
  data: z.object({ "tls.crt": z.base64(), "tls.key": z.base64(), "tls-combined.pem": z.base64() }),
});

/**
 * What is wrong with the certificate of a resource, judged without any of the product's code; undefined where an app
 * could log in with it.
 */
export async function flawOf(scene: BenchScene, resource: ListedResource): Promise<string | undefined> {
  const { metadata, spec, status } = resource;
  if (!isReady(resource)) return `not Ready: ${JSON.stringify(status.conditions)}`;
  const answer = await scene.rest("GET", secretPath({ ...metadata, ...spec }));
  if (answer.status !== 200) return `its Secret: ${answer.status}`;
  const secret = secretSchema.safeParse(answer.body);
  if (!secret.success) return `its Secret holds something else than a pair: ${z.prettifyError(secret.error)}`;
  const text = (key: keyof typeof secret.data.data) => Buffer.from(secret.data.data[key], "base64").toString("utf8");
  const certificate = new X509Certificate(text("tls.crt"));
  if (!certificate.checkPrivateKey(createPrivateKey(text("tls.key")))) return "key and certificate don't match";
  if (text("tls-combined.pem") !== text("tls.crt") + text("tls.key")) return "the combined file differs from its parts";
  const now = Date.now();
  if (certificate.validToDate.getTime() <= now) return `expired at ${certificate.validTo}`;
  if (certificate.subject !== `CN=${spec.username}`) return `it is ${certificate.subject}'s`;
  const serialNumber = BigInt(`0x${certificate.serialNumber}`).toString();
  if (serialNumber !== status.serialNumber)
    return `the Secret holds ${serialNumber}, the status says ${status.serialNumber}`;
  const listed = (await scene.atlas.certificates(spec.projectId, spec.username)).some(
    (record) => record.serialNumber === serialNumber,
  );
  return listed ? undefined : `Atlas does not know certificate ${serialNumber}`;
}
