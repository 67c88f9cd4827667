import { AtlasAccess } from "../../../src/controllers/access/atlas-access.ts";

function notCalled(): never {
  throw new Error("not to be called");
}

/** The way to Atlas in a cluster that has no Secrets. */
export const WITHOUT_SECRETS = new AtlasAccess({
  kube: { get: notCalled },
  secrets: new Map(),
  labelled: new Map(),
  connect: notCalled,
  gate: { guard: notCalled, forget: () => {} },
});
