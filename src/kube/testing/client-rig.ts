import { expect } from "vitest";
import { ManualClock } from "../../testing/manual-clock.ts";
import { KubeClient, type KubeClientOptions } from "../client/kube-client.ts";
import { KubeError } from "../kube-error.ts";
import type { KubeObject, ResourceType } from "../resource-type.ts";
import { LocalServer, sendJson } from "./local-server.ts";

export const WIDGETS: ResourceType<KubeObject & { readonly spec?: object }> = {
  group: "example.org",
  version: "v1",
  plural: "widgets",
  kind: "Widget",
  namespaced: true,
};
export const widget = { metadata: { name: "a", namespace: "n", uid: "u", resourceVersion: "1" } };

export async function clientRig(options: Partial<KubeClientOptions> = {}) {
  const server = await LocalServer.start();
  server.answer = (_request, response) => sendJson(response, 200, widget);
  const clock = new ManualClock();
  const client = new KubeClient({
    kubeConfig: server.kubeConfig,
    userAgent: "product/1.0",
    clock,
    random: () => 0,
    ...options,
  });
  return {
    server,
    clock,
    client,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await server.stop();
    },
  };
}

/** The KubeError that a call ends with. */
export async function failure(promise: Promise<unknown>): Promise<KubeError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(KubeError);
  return error as KubeError;
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) {
    all.push(item);
  }
  return all;
}
