import { expect, onTestFinished } from "vitest";
import { rest } from "../../control-plane/control-plane.ts";
import { type RenderedObject, render, type Values } from "../chart/rendering.ts";

const GROUP = "/apis/admissionregistration.k8s.io/v1";

/** The policies of the chart for an operator of this namespace. */
export async function chartPolicies(namespace: string, values: Values = {}): Promise<readonly RenderedObject[]> {
  return (await render(values, { namespace })).filter(({ kind }) => kind === "ValidatingAdmissionPolicy");
}

/** Applies the policies of the chart for an operator of this namespace, until the test is over. */
export async function applyPolicies(namespace: string, values: Values = {}): Promise<void> {
  for (const object of await render(values, { namespace })) {
    if (!object.kind.startsWith("ValidatingAdmissionPolicy")) continue;
    const path = `${GROUP}/${object.kind === "ValidatingAdmissionPolicy" ? "validatingadmissionpolicies" : "validatingadmissionpolicybindings"}`;
    expect((await rest("POST", path, object)).status).toBe(201);
    onTestFinished(async () => void (await rest("DELETE", `${path}/${object.metadata.name}`)));
  }
}
