import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { certificateAuthorities, FINGERPRINT_PATTERN } from "./certificate-authorities.ts";
import { issuePem } from "./testing.ts";

const notAfter = new Date("2031-05-06T07:08:09Z");
const first = await issuePem({ subject: "CN=Example Root, O=Example", notAfter });
const second = await issuePem({ subject: "CN=Other Root" });

function digest(pem: string): string {
  const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
  return `sha256:${createHash("sha256").update(der).digest("hex")}`;
}

test("an authority has the digest of its DER form, its subject and its end", () => {
  expect(certificateAuthorities(first.certificatePem)).toEqual([
    { fingerprint: digest(first.certificatePem), subject: "CN=Example Root,O=Example", notAfter },
  ]);
  expect(digest(first.certificatePem)).toMatch(new RegExp(FINGERPRINT_PATTERN));
});

test("the order and the number of copies make no difference", () => {
  const both = certificateAuthorities(first.certificatePem + second.certificatePem);
  expect(both?.map(({ fingerprint }) => fingerprint)).toEqual(
    [digest(first.certificatePem), digest(second.certificatePem)].toSorted(),
  );
  expect(certificateAuthorities(second.certificatePem + first.certificatePem + second.certificatePem)).toEqual(both);
});

test("remarks around the blocks and carriage returns are ignored", () => {
  const remarked = `# our root\r\n${first.certificatePem.replaceAll("\n", "\r\n")}\n# end`;
  expect(certificateAuthorities(remarked)).toEqual(certificateAuthorities(first.certificatePem));
});

test.each([
  ["nothing", ""],
  ["a text without a block", "our root"],
  ["a block that is no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
  ["a second block that is cut", first.certificatePem + second.certificatePem.slice(0, 200)],
  ["a block of another kind beside the certificate", first.certificatePem + first.keyPem],
])("%s is unreadable as a whole", (_, pem) => {
  expect(certificateAuthorities(pem)).toBeUndefined();
});
