/** How a reason comes about on a real API server, and where kubectl finds it. */
import { randomBytes } from "node:crypto";
import { onTestFinished } from "vitest";
import { MINUTE_MS } from "../../../../src/clock.ts";
import type { OwnControlPlane } from "../../faults/own-control-plane.ts";
import { Platform, type PlatformOptions } from "../platform.ts";
import { Removals } from "../removals.ts";
import { aWhile, Scene, TEST_POLICY } from "../scene.ts";
import { NAME, type State } from "../states.ts";

/** An object that has a reason. */
export interface Seen {
  readonly kubeconfigPath: string;
  /** What kubectl is asked to describe. */
  readonly object: readonly string[];
  /** Names of this run, with those that the page has instead. */
  readonly names: Readonly<Record<string, string>>;
}

/** Brings a reason about. What follows from it, such as the conditions, is waited for. */
export type Reproduction = (own: OwnControlPlane) => Promise<Seen>;

/** Names on the page. */
const TENANT = "shop";
const HOME = "atlas-cert-operator";

/** A resource with credentials of its own. */
export function certificate(state: State): Reproduction {
  return () => produced(state);
}

/** The same while the definition lacks a field of the status. */
export function certificateWithout(field: string, produce: State["produce"]): Reproduction {
  return async (own) => {
    await dropStatusField(own, "atlasusercertificates", field);
    const place = await own.place(`operator-${randomBytes(4).toString("hex")}`);
    return produced({ options: { place }, produce });
  };
}

async function produced({ options, produce, undo }: State): Promise<Seen> {
  const scene = await Scene.open(options);
  onTestFinished(async () => undo?.(scene));
  await produce(scene);
  const { kubeconfigPath, namespace } = scene;
  return { kubeconfigPath, object: ["auc", NAME, "--namespace", namespace], names: { [namespace]: TENANT } };
}

/** A resource of a tenant that uses the project of a platform team. */
export function tenant(
  produce: (platform: Platform, namespace: string) => Promise<void>,
  options: PlatformOptions = {},
): Reproduction {
  return async (own) => {
    const platform = await Platform.open(own, options);
    const namespace = await platform.tenant(TENANT);
    await produce(platform, namespace);
    const { kubeconfigPath } = own.running;
    return { kubeconfigPath, object: ["auc", NAME, "--namespace", namespace], names: { [namespace]: TENANT } };
  };
}

/** As shipped, the operator seldom looks again at what only a person can fix: the first answer of Atlas is what lasts. */
const PATIENT: PlatformOptions = { operator: { policy: { ...TEST_POLICY, recheckIntervalMs: 10 * MINUTE_MS } } };

/** An object of a platform team. */
export function platform(
  produce: (platform: Platform, removals: Removals) => Promise<readonly string[]>,
  options: PlatformOptions = PATIENT,
): Reproduction {
  return async (own) => {
    const team = await Platform.open(own, options);
    const object = await produce(team, new Removals(team));
    return { kubeconfigPath: own.running.kubeconfigPath, object, names: { [team.home]: HOME } };
  };
}

const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/** Until the test ends, the definition lacks a field of the status, as that of an older operator would. */
export async function dropStatusField({ must, rest }: OwnControlPlane, plural: string, field: string): Promise<void> {
  const target = `${DEFINITIONS}/${plural}.atlascerts.io`;
  const patch = async (operation: object) => {
    const path = `/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/${field}`;
    const body = [{ path, ...operation }];
    const { status, body: answer } = await rest("PATCH", target, body, "application/json-patch+json");
    if (status !== 200) throw new Error(`${plural} ${field}: ${status} ${JSON.stringify(answer)}`);
  };
  // The API server's own answer.
  const { spec } = (await must("GET", target)) as Definition;
  const value = spec.versions[0]?.schema.openAPIV3Schema.properties.status.properties[field];
  await patch({ op: "remove" });
  onTestFinished(() => patch({ op: "add", value }));
  // Nothing says when the API server has taken it over.
  await aWhile();
}

interface Definition {
  readonly spec: {
    readonly versions: readonly {
      readonly schema: {
        readonly openAPIV3Schema: {
          readonly properties: { readonly status: { readonly properties: Readonly<Record<string, unknown>> } };
        };
      };
    }[];
  };
}
