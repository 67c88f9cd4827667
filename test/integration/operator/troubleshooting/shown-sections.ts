/** The sections of docs/troubleshooting.md about one kind, each compared with a real run. */
import { afterAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../../src/clock.ts";
import { kubectl } from "../../../control-plane/control-plane.ts";
import type { OwnControlPlane } from "../../faults/own-control-plane.ts";
import { temporaryFolder } from "../../temporary-file.ts";
import { describedState } from "./description.ts";
import type { Reproduction } from "./reproduction.ts";
import { type PageKind, TroubleshootingPage } from "./troubleshooting-page.ts";

/** With UPDATE_TROUBLESHOOTING=1 (`make reasons`) the page is written instead of compared. */
const isWriting = process.env.UPDATE_TROUBLESHOOTING === "1";

/**
 * Registers the tests of one kind's reasons.
 *
 * @param own the control plane of this file's tests
 */
export function showsEachReason(
  own: () => OwnControlPlane,
  reasons: Readonly<Record<string, Reproduction>>,
  kind: PageKind,
): void {
  const page = new TroubleshootingPage();
  const headings = Object.entries(reasons).map(([reason, reproduce]) => ({
    ...{ heading: reason + kind.suffix, reason, reproduce },
  }));

  if (isWriting) afterAll(() => page.write());

  test("docs/troubleshooting.md has a section for each reason, and no other", () => {
    expect(page.headingsOf(kind).toSorted()).toEqual(headings.map(({ heading }) => heading).toSorted());
  });

  test.each(headings)(
    "the section $heading says what it means, what is safe, what happens next and what to do",
    ({ heading }) => {
      const section = page.section(heading);
      for (const part of ["Meaning", "Safe now", "Next", "To do"])
        expect(section).toMatch(new RegExp(`^- \\*\\*${part}:\\*\\* \\S`, "m"));
    },
  );

  test.each(headings)("the section $heading describes an object of its kind", ({ heading }) => {
    expect(page.commands(heading)).toEqual([`kubectl describe ${kind.object}`]);
  });

  describe("docs/troubleshooting.md shows what kubectl says in a real run of", () => {
    test.each(headings)("$heading", async ({ heading, reason, reproduce }) => {
      const { kubeconfigPath, object, names } = await reproduce(own());
      // Discovery of one control plane must not be taken for that of another on the same port.
      const connection = [`--kubeconfig=${kubeconfigPath}`, `--cache-dir=${await temporaryFolder()}`];
      const described = async () => describedState(await kubectl(...connection, "describe", ...object), names);
      if (isWriting) page.show(heading, await atRest(reason, described));
      else await expect.poll(described, { timeout: 10_000, interval: 200 }).toBe(page.shown(heading));
    });
  });
}

/** What kubectl says of this reason once that stays the same. */
async function atRest(reason: string, described: () => Promise<string>): Promise<string> {
  for (let last = "", rounds = 0; rounds < 20; rounds++) {
    await systemClock.sleep(700);
    const now = await described();
    if (now === last && now.includes(reason)) return now;
    last = now;
  }
  throw new Error(`${reason} did not come to rest: ${await described()}`);
}
