import { describe, expect, test } from "vitest";
import { resolveKubeScore } from "../../chart/kube-score.ts";
import { silentProgress } from "../../control-plane/progress.ts";
import { MATRIX } from "./matrix.ts";
import { HELM_BUILD_MS, renderText, run } from "./rendering.ts";

/** What kube-score objects to and what is meant to be so, with the reason. */
const ON_PURPOSE: readonly { readonly complaint: RegExp; readonly because: string }[] = [
  {
    complaint: /ImagePullPolicy is not set to Always/,
    because: "the tag is a version and never moves; a pod must come back while the registry is away",
  },
  { complaint: /CPU limit is not set/, because: "throttling would delay the renewal of the lease" },
  {
    complaint: /does not have a host podAntiAffinity set/,
    because: "topologySpreadConstraints spread over nodes and zones, and leave none out where there are too few",
  },
  {
    complaint: /-simulator\/.* Container has the same readiness and liveness probe/,
    because: "an open port is all that its probes can ask for without credentials",
  },
  {
    complaint: /-simulator\/.* Deployment (few replicas|update strategy)/,
    because: "what it knows is in its memory: there can't be two at a time",
  },
  {
    complaint: /-test\/.* The pod does not have a matching NetworkPolicy/,
    because: "`helm test` runs for a second, with no token and nothing that listens",
  },
];

/** Where the values themselves ask for less there is nothing to learn. */
const LINTED = Object.entries(MATRIX).filter(([name]) => !["one pod", "everything off"].includes(name));

async function complaints(manifest: string): Promise<readonly string[]> {
  const score = await resolveKubeScore({ progress: silentProgress });
  const { stdout, stderr } = await run(score, ["score", "--output-format", "ci", "-"], manifest);
  expect(stderr).toBe("");
  return stdout.split("\n").filter((line) => /^\[(CRITICAL|WARNING)\]/.test(line));
}

describe("kube-score", () => {
  test.each(LINTED)(
    "objects to nothing that is not meant to be so, with %s",
    async (_name, values) => {
      const unexpected = (await complaints(await renderText(values))).filter(
        (line) => !ON_PURPOSE.some(({ complaint }) => complaint.test(line)),
      );
      expect(unexpected).toEqual([]);
    },
    HELM_BUILD_MS,
  );

  test(
    "objects to everything that is listed as meant to be so",
    async () => {
      const lines = await complaints(await renderText({ simulator: { enabled: true } }));
      const idle = ON_PURPOSE.filter(({ complaint }) => !lines.some((line) => complaint.test(line)));
      expect(idle).toEqual([]);
    },
    HELM_BUILD_MS,
  );
});
