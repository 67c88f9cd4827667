/**
 * A simulated Atlas for tests: it issues real X.509 certificates and fails on demand.
 *
 * @packageDocumentation
 */
export type { KeyAlgorithm } from "./certificate-authority.ts";
export { SimulatorClient, SimulatorError } from "./client.ts";
export type { DigestAlgorithm } from "./digest.ts";
export type { Fault, FaultEffect, ParsedFault } from "./faults.ts";
export type { Credentials, Fixtures, ProjectFixture, Role } from "./fixtures.ts";
export type { RateLimit } from "./rate-limit.ts";
export type { LoggedRequest, Operation, RequestLog } from "./request-log.ts";
export {
  type ServerPair,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from "./simulator.ts";
export type { SimulatorControls } from "./simulator-controls.ts";
export type { CertificateRecord, SimulatedProject } from "./state.ts";
