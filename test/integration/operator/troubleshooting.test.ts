import { ownControlPlane } from "../faults/own-control-plane.ts";
import { CERTIFICATE_REASONS } from "./troubleshooting/certificate-reasons.ts";
import { showsEachReason } from "./troubleshooting/shown-sections.ts";

/** docs/troubleshooting.md on AtlasUserCertificate. */

showsEachReason(ownControlPlane(), CERTIFICATE_REASONS, "");
