import { describe } from "vitest";
import { ownControlPlane } from "../faults/own-control-plane.ts";
import { PROJECT_REASONS } from "./troubleshooting/project-reasons.ts";
import { REMOVAL_REASONS } from "./troubleshooting/removal-reasons.ts";
import { showsEachReason } from "./troubleshooting/shown-sections.ts";
import { PROJECT, REMOVAL } from "./troubleshooting/troubleshooting-page.ts";

/** docs/troubleshooting.md on the cluster-scoped kinds. */

const own = ownControlPlane();

describe("AtlasProjectX509", () => showsEachReason(own, PROJECT_REASONS, PROJECT));
describe("AtlasCustomerX509Removal", () => showsEachReason(own, REMOVAL_REASONS, REMOVAL));
