import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { NAMESPACES } from "../kube/core-types.ts";
import { COMPLETABLE } from "./commands.ts";
import { candidatesFor, completionLines, namesIn, type ReadNames, SCRIPTS } from "./completion.ts";
import { object, TestCluster } from "./testing/test-cluster.ts";

const read: ReadNames = async (what, given) => {
  const names = what === "resources" ? ["orders-api", "reports"] : ["billing", "shop"];
  // Its own, as in a cluster.
  const namespace = given.text("namespace");
  return what === "resources" && namespace !== undefined ? [...names, namespace] : names;
};
const words = async (...line: readonly string[]) =>
  (await candidatesFor(line, COMPLETABLE, read)).map(({ word }) => word);

test.each<[line: readonly string[], expected: readonly string[]]>([
  [[""], Object.keys(COMPLETABLE)],
  [["st"], ["status"]],
  [
    ["status", ""],
    ["orders-api", "reports"],
  ],
  [["status", "re"], ["reports"]],
  [["renew", "reports", ""], ["orders-api"]],
  [
    ["inspect", "-n", ""],
    ["billing", "shop"],
  ],
  [["inspect", "--namespace", "b"], ["billing"]],
  [["check", "s"], ["shop"]],
  [["check", "--operator-namespace", "s"], ["shop"]],
  [
    ["status", "-o", ""],
    ["json", "yaml"],
  ],
  [["status", "--context", ""], []],
  [["timeline", ""], []],
  [
    ["renew", "--wait", ""],
    ["orders-api", "reports"],
  ],
  [["renew", "--timeout=5m", "re"], ["reports"]],
  [
    ["check", "--operator-namespace=operators", ""],
    ["billing", "shop"],
  ],
  [["status", "-n", "shop", "s"], ["shop"]],
  [["status", "--fly", ""], []],
  [["timeline", "--d"], ["--days"]],
  [["completion", "z"], ["zsh"]],
  [["completion", "--h"], ["--help"]],
  [["fly", ""], []],
  [["constructor", ""], []],
])("completes %j", async (line, expected) => {
  expect(await words(...line)).toEqual(expected);
});

test("a flag comes with its description, and the last line keeps names of files out", async () => {
  const candidates = await candidatesFor(["timeline", "--da"], COMPLETABLE, read);
  expect(completionLines(candidates)).toBe("--days\tNumber of days, 1 to 800. Defaults to 30.\n:4\n");
});

test("names come from the cluster", async () => {
  const cluster = new TestCluster(object(), object("reports"));
  cluster.memory.put(NAMESPACES, { metadata: { name: "shop" } });
  expect(await namesIn(cluster, "resources")).toEqual(["orders-api", "reports"]);
  expect(await namesIn(cluster, "namespaces")).toEqual(["shop"]);
});

test("the script for bash completes a line", async () => {
  const script = `
    kubectl-atlascerts() { printf 'status\\tShow\\nstart\\n:4\\n'; echo "$*" >&2; }
    ${SCRIPTS.bash}
    COMP_WORDS=(kubectl-atlascerts st) COMP_CWORD=1
    _kubectl_atlascerts
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await promisify(execFile)("bash", ["-c", script]);
  expect(stdout).toBe("status\nstart\n");
});
