import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { CHART_FOLDER, deployment, HELM_BUILD_MS, helmPath, render, type Values } from "./rendering.ts";

/**
 * What the first version's Deployments select by. A Deployment's selector can't be changed: another one here breaks the
 * upgrade of everybody who has installed the chart.
 */
const FOREVER = {
  "app.kubernetes.io/name": "atlas-cert-operator",
  "app.kubernetes.io/instance": "atlas-cert-operator",
};

const VALUES: readonly (readonly [string, Values])[] = [
  ["the defaults", {}],
  ["labels of one's own", { commonLabels: { team: "a", "app.kubernetes.io/instance": "mine" } }],
  ["pod labels of one's own", { podLabels: { color: "blue", "app.kubernetes.io/name": "mine" } }],
  ["another name", { nameOverride: "certificates" }],
  ["another tag", { image: { tag: "9.9.9" } }],
];

beforeAll(async () => {
  await helmPath();
}, HELM_BUILD_MS);

describe("what a Deployment selects its pods by stays as it is with", () => {
  test.each(VALUES)("%s", async (_what, values) => {
    const objects = await render({ ...values, simulator: { enabled: true } });
    const deployments = objects.filter(({ kind }) => kind === "Deployment");
    const specs = deployments.map(({ metadata }) => deployment(objects, metadata.name));
    expect(specs.map(({ selector }) => selector.matchLabels)).toEqual([
      { ...FOREVER, "app.kubernetes.io/component": "operator" },
      { ...FOREVER, "app.kubernetes.io/component": "simulator" },
    ]);
    for (const { selector, template } of specs) expect(template.metadata.labels).toMatchObject(selector.matchLabels);
  });

  test("another version of the chart, whose pods are restarted by their image alone", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "other-version-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const chart = path.join(folder, "atlas-cert-operator");
    await cp(CHART_FOLDER, chart, { recursive: true });
    const file = path.join(chart, "Chart.yaml");
    await writeFile(file, (await readFile(file, "utf8")).replaceAll(/^(version|appVersion): .*$/gm, "$1: 99.0.0"));
    const values = { image: { tag: "same" } };
    const [before, after] = [await render(values), await render(values, { chart })];
    expect(deployment(after)).toEqual(deployment(before));
  });
});
