import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { http } from "../../../src/testing/http.ts";
import { ROOT } from "../../library/packed-package.ts";
import { PROJECT, SimulatedAtlas, USER } from "../../library/simulated-atlas.ts";

/** The lines of shell in the README that show the simulator. */
async function readmeLines(): Promise<readonly string[]> {
  const readme = await readFile(path.join(ROOT, "README.md"), "utf8");
  const section = readme.split(/^## /m).find((text) => text.startsWith("The simulator\n"));
  const block = /^```sh\n([\s\S]*?)^```$/m.exec(section ?? "")?.[1];
  if (block === undefined) throw new Error('README.md has no shell under "The simulator"');
  return block.trimEnd().split("\n");
}

/** What curl does with such a line. */
async function curl(line: string, adminUrl: string): Promise<unknown> {
  const [, target = "", body] = /^curl "\$ADMIN_URL(\/\w+)"(?: -d '([^']*)')?$/.exec(line) ?? [];
  const answer = await http(adminUrl + target, body === undefined ? {} : { method: "POST", body });
  expect(answer.status, line).toBe(200);
  return answer.json();
}

test("what the README says of faults and requests is so", async () => {
  await using under = await SimulatedAtlas.start();
  const [disturb = "", look = "", ...others] = await readmeLines();
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
