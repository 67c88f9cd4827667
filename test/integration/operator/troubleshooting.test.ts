import { expect, test } from "vitest";
import { ownControlPlane } from "../faults/own-control-plane.ts";
import { CERTIFICATE_REASONS } from "./troubleshooting/certificate-reasons.ts";
import { showsEachReason } from "./troubleshooting/shown-sections.ts";
import { CERTIFICATE, TroubleshootingPage } from "./troubleshooting/troubleshooting-page.ts";

/** docs/troubleshooting.md on AtlasUserCertificate. */

showsEachReason(ownControlPlane(), CERTIFICATE_REASONS, CERTIFICATE);

test("docs/troubleshooting.md has no section about another kind", () => {
  expect(new TroubleshootingPage().strayHeadings).toEqual([]);
});
