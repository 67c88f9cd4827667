import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { http } from "../../../src/testing/http.ts";
import { ROOT } from "../../library/packed-package.ts";
import { PROJECT, SimulatedAtlas, USER } from "../../library/simulated-atlas.ts";

/** The lines of shell in the simulator's page. */
async function linesOfPage(): Promise<readonly string[]> {
  const page = await readFile(path.join(ROOT, "docs/simulator.md"), "utf8");
  const block = /^```sh\n([\s\S]*?)^```$/m.exec(page)?.[1];
  if (block === undefined) throw new Error("docs/simulator.md has no shell");
  return block.trimEnd().split("\n");
}

/** What curl does with such a line. */
async function curl(line: string, adminUrl: string): Promise<unknown> {
  const [, target = "", body] = /^curl "\$ADMIN_URL(\/\w+)"(?: -d '([^']*)')?$/.exec(line) ?? [];
  const answer = await http(adminUrl + target, body === undefined ? {} : { method: "POST", body });
  expect(answer.status, line).toBe(200);
  return answer.json();
}

test("docs/simulator.md shows how to inject a fault and read the requests", async () => {
  await using under = await SimulatedAtlas.start();
  const [disturb = "", look = "", ...others] = await linesOfPage();
  expect(others).toEqual([]);

  await curl(disturb, under.atlas.adminUrl);
  const create = under.api("serviceAccount").createDatabaseUserCertificate(USER);
  await expect(create).rejects.toMatchObject({ kind: "ambiguous" });
  expect(under.atlas.certificates(PROJECT, USER.username)).toHaveLength(1);
  expect(await curl(look, under.atlas.adminUrl)).toMatchObject({
    requests: [
      { operation: "createAccessToken", status: 200 },
      { operation: "createDatabaseUserCertificate", fault: "cutAnswer" },
    ],
  });
});
