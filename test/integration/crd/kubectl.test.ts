import { describe, expect, test } from "vitest";
import { freshNamespace, kubectl, kubectlWithInput } from "../../control-plane/control-plane.ts";
import { create, userCertificate } from "./sample.ts";

const COLUMNS = ["NAME", "READY", "REASON", "SECRET", "EXPIRES", "RENEWAL", "AGE"];
const WIDE_COLUMNS = [...COLUMNS, "USERNAME", "PROJECT", "SERIAL", "OUTDATED", "MESSAGE"];

const STATUS = {
  consumers: { pods: 3, outdated: 2, observedAt: "2026-10-01T00:00:00Z" },
  conditions: [
    {
      type: "Issuing",
      status: "False",
      reason: "Idle",
      message: "Nothing is issued.",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    },
    {
      type: "Ready",
      status: "True",
      reason: "Issued",
      message: "The Secret orders-api-mongodb holds a certificate.",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    },
  ],
  serialNumber: "9223372036854775807",
  notAfter: "2099-04-01T12:00:00Z",
  renewalTime: "2099-03-01T12:00:00Z",
};

/** The rows of what `kubectl get` prints, the head first, by column. */
function table(printed: string): readonly (readonly string[])[] {
  const [head = "", ...rows] = printed.trimEnd().split("\n");
  const starts = [...head.matchAll(/\S+/g)].map(({ index }) => index);
  return [head, ...rows].map((row) => starts.map((start, column) => row.slice(start, starts[column + 1]).trim()));
}

async function namespaceWithOne({ status }: { readonly status?: object } = {}): Promise<string> {
  const namespace = await freshNamespace("kubectl");
  await create(namespace, "orders");
  if (status !== undefined) {
    const change = JSON.stringify({ status });
    await kubectl("-n", namespace, "patch", "auc", "orders", "--subresource=status", "--type=merge", "-p", change);
  }
  return namespace;
}

describe("kubectl get auc", () => {
  test("shows what one has to know, times to come as they are", async () => {
    const namespace = await namespaceWithOne({ status: STATUS });
    const [head, ...rows] = table(await kubectl("-n", namespace, "get", "auc"));
    expect(head).toEqual(COLUMNS);
    expect(rows).toEqual([
      [
        "orders",
        "True",
        "Issued",
        "orders-api-mongodb",
        "2099-04-01T12:00:00Z",
        "2099-03-01T12:00:00Z",
        expect.stringMatching(/^\d+s$/),
      ],
    ]);
  });

  test("with -o wide adds who it is for, the serial number, outdated pods and the next step", async () => {
    const namespace = await namespaceWithOne({ status: STATUS });
    const [head, row] = table(await kubectl("-n", namespace, "get", "auc", "-o", "wide"));
    expect(head).toEqual(WIDE_COLUMNS);
    expect(row?.slice(COLUMNS.length)).toEqual([
      "orders-api",
      "32b6e34b3d91647abb20e7b8",
      "9223372036854775807",
      "2",
      "The Secret orders-api-mongodb holds a certificate.",
    ]);
  });

  test("leaves empty what is not known yet", async () => {
    const namespace = await namespaceWithOne();
    const [, row] = table(await kubectl("-n", namespace, "get", "auc"));
    expect(row).toEqual(["orders", "", "", "orders-api-mongodb", "", "", expect.stringMatching(/^\d+s$/)]);
  });

  test.each(["atlasusercertificates", "atlasusercertificate", "AtlasUserCertificate", "auc"])(
    "knows the kind as %s",
    async (name) => {
      const namespace = await namespaceWithOne();
      const printed = await kubectl("-n", namespace, "get", name, "-o", "name");
      expect(printed).toBe("atlasusercertificate.atlascerts.io/orders\n");
    },
  );

  test("shows the kind among those of the category atlas", async () => {
    const namespace = await namespaceWithOne();
    const printed = await kubectl("-n", namespace, "get", "atlas", "-o", "name");
    expect(printed.split("\n")).toContain("atlasusercertificate.atlascerts.io/orders");
  });
});

describe("kubectl apply", () => {
  const apply = (namespace: string, manifest: object) =>
    kubectlWithInput(JSON.stringify(manifest), "-n", namespace, "apply", "-f", "-");

  test("refuses a field that is misspelt", async () => {
    const namespace = await freshNamespace("kubectl");
    await expect(apply(namespace, userCertificate("orders", { renewBfore: "720h" }))).rejects.toThrow(
      'strict decoding error: unknown field "spec.renewBfore"',
    );
  });

  test("prints the sentence of a rule and no more", async () => {
    const namespace = await freshNamespace("kubectl");
    await expect(apply(namespace, userCertificate("orders", { renewBefore: "1d" }))).rejects.toThrow(
      /is invalid: spec\.renewBefore: Invalid value: "1d": renewBefore must be a duration of at least 24h in hours, minutes and seconds, such as 720h or 36h30m$/,
    );
  });

  test("changes nothing when it is given the same again", async () => {
    const namespace = await freshNamespace("kubectl");
    await apply(namespace, userCertificate("orders"));
    expect(await apply(namespace, userCertificate("orders"))).toBe(
      "atlasusercertificate.atlascerts.io/orders unchanged\n",
    );
  });
});
