import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseUserCertificate } from "../../../src/api/parse-user-certificate.ts";
import { rest } from "../../control-plane/control-plane.ts";
import { argoHealth } from "../../library/argo-health.ts";
import { buildKstatus, type Kstatus } from "../../library/kstatus.ts";
import { condition, Scene } from "./scene.ts";
import { NAME, STATES, type State } from "./states.ts";

/** What kstatus and Argo CD's script compute for real resources is what docs/gitops.md says: each row is produced here. */

const DOCUMENT = path.join(import.meta.dirname, "../../../docs/gitops.md");
/** In a cell of the table: there is no such condition. */
const NONE = "–";

/** A row of the table, without the state that it describes. */
interface Row {
  readonly ready: string;
  readonly reason: string;
  readonly stalled: string;
  readonly kstatus: string;
  readonly argo: string;
}

const table = parseTable(await readFile(DOCUMENT, "utf8"));

let kstatus: Kstatus;
beforeAll(async () => {
  kstatus = await buildKstatus();
  // The first build on a machine compiles Kubernetes' API types.
}, 600_000);
afterAll(() => kstatus?.[Symbol.asyncDispose]());

test("the table in docs/gitops.md has the states that are tested, and no others", () => {
  expect([...table.keys()]).toEqual(Object.keys(STATES));
});

describe("kstatus and Argo CD's health agree with docs/gitops.md:", () => {
  test.each(Object.entries<State>(STATES))("%s", async (state, { options, produce, undo }) => {
    const scene = await Scene.open(options);
    try {
      await produce(scene);
      await expect.poll(() => observe(scene), { timeout: 20_000, interval: 100 }).toEqual(table.get(state));
    } finally {
      await undo?.(scene);
    }
  });
});

/** The resource as the API server has it now, as a row of the table. */
async function observe({ namespace }: Scene): Promise<Row> {
  const { body } = await rest(
    "GET",
    `/apis/atlascerts.io/v1alpha1/namespaces/${namespace}/atlasusercertificates/${NAME}`,
  );
  const resource = parseUserCertificate(body);
  if (!resource.valid) throw new Error(resource.problem);
  const ready = condition(resource, "Ready");
  return {
    ready: ready?.status ?? NONE,
    reason: ready?.reason ?? NONE,
    stalled: condition(resource, "Stalled")?.status ?? NONE,
    kstatus: (await kstatus.compute(body)).status,
    argo: (await argoHealth(body)).status,
  };
}

/** The rows of the document's table of states, by the state. */
function parseTable(text: string): ReadonlyMap<string, Row> {
  const [, rows = ""] =
    /^\| State \| Ready \| Reason \| Stalled \| kstatus \| Argo CD \|\n\|[-|]+\|\n((?:\|.*\n)+)/m.exec(text) ?? [];
  return new Map(
    rows
      .trimEnd()
      .split("\n")
      .map((row) => {
        const [state = "", ready = "", reason = "", stalled = "", verdict = "", argo = ""] = row
          .split("|")
          .slice(1, -1)
          .map((cell) => cell.trim().replaceAll("`", ""));
        return [state, { ready, reason, stalled, kstatus: verdict, argo }];
      }),
  );
}
