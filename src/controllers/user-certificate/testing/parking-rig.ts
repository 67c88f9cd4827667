import { expect } from "vitest";
import { SECRETS } from "../../../kube/core-types.ts";
import { kubeError } from "./memory-cluster.ts";
import { Scene, SECRET } from "./scene.ts";

/** A process whose certificates cannot be stored when the test says so: they are parked in it. */
export function parkingRig() {
  const scene = new Scene();
  let beforeWrite = () => {};
  const process = scene.start({
    onStep: (step) => {
      if (step !== "write") return;
      beforeWrite();
      beforeWrite = () => {};
    },
  });
  /** Runs before the next write of an issued certificate into its Secret. */
  const onWrite = (work: () => void) => {
    beforeWrite = work;
  };
  const putForeign = (ref = SECRET) =>
    void scene.cluster.put(SECRETS, { metadata: ref, data: { a: "eA==" } }, "argocd");
  const refuseWrites = (explanation = "exceeded quota: secrets") => {
    scene.cluster.fault = ({ verb, what, dryRun }) =>
      what.startsWith("secrets") && verb !== "get" && !dryRun ? kubeError("Forbidden", explanation) : undefined;
  };
  const allowWrites = () => {
    scene.cluster.fault = () => undefined;
  };
  const issuedSerial = (index = 0) => scene.atlas.issued[index]?.serialNumber;
  const park = async () => {
    onWrite(refuseWrites);
    await scene.reconcile(process);
    expect(process.parked.size).toBe(1);
  };

  /** The first certificate of a resource is parked, since the API server refuses its write. */
  const parkedFirst = async () => {
    scene.apply();
    await park();
  };
  /** The renewal of a resource that has a certificate is parked. */
  const parkedRenewal = async () => {
    scene.apply();
    await scene.settle(process);
    scene.events.length = 0;
    scene.apply({}, { renewRequest: "a" });
    await park();
  };
  return { scene, process, onWrite, putForeign, refuseWrites, allowWrites, issuedSerial, parkedFirst, parkedRenewal };
}
