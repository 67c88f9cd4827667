/**
 * A simulated Atlas for tests: it issues real X.509 certificates and fails on demand.
 *
 * @packageDocumentation
 */
export { SimulatorClient, SimulatorError } from "./client.ts";
export type { ParsedFault } from "./faults.ts";
export {
  type CertificateRecord,
  type Credentials,
  type DigestAlgorithm,
  type Fault,
  type FaultEffect,
  type Fixtures,
  type KeyAlgorithm,
  type LoggedRequest,
  type Operation,
  type ProjectFixture,
  type RateLimit,
  type RequestLog,
  type Role,
  type ServerPair,
  type SimulatedProject,
  type Simulator,
  type SimulatorControls,
  type SimulatorOptions,
  startSimulator,
} from "./simulator.ts";
