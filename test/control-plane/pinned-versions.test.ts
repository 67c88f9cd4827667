import { describe, expect, it } from "vitest";
import { goProblem } from "./go-toolchain.ts";
import { parsePinnedVersions, readPinnedVersions } from "./pinned-versions.ts";

const GO_MOD = `module example
go 1.26.0
tool (
	go.etcd.io/etcd/server/v3
	k8s.io/kubernetes/cmd/kubectl
)
require (
	go.etcd.io/etcd/server/v3 v3.7.3 // indirect
	k8s.io/kubernetes v1.37.2 // indirect
)
`;

describe("the pinned versions", () => {
  it("are those of go.mod", () => {
    expect(parsePinnedVersions(GO_MOD)).toEqual({ kubernetes: "v1.37.2", etcd: "v3.7.3", go: "1.26.0" });
  });

  it("are read from the repository's own module", async () => {
    expect(await readPinnedVersions()).toEqual({
      kubernetes: expect.stringMatching(/^v1\.\d+\.\d+$/),
      etcd: expect.stringMatching(/^v3\.\d+\.\d+$/),
      go: expect.stringMatching(/^1\.\d+/),
    });
  });

  it("must not be missing", () => {
    expect(() => parsePinnedVersions("module example\ngo 1.26.0\n")).toThrow("names no version of k8s.io/kubernetes");
  });
});

const go = (output: string) => () => Promise.resolve(output);

describe("goProblem", () => {
  it.each([
    ["the version that is asked for", "go1.26.0\nlocal\n"],
    ["a newer one", "go1.30\nlocal\n"],
    ["an older one that may fetch the newer", "go1.22.3\nauto\n"],
    ["a development build", "devel go1.27-abcdef\nlocal\n"],
  ])("has nothing against %s", async (_what, output) => {
    expect(await goProblem("1.26.0", go(output))).toBeUndefined();
  });

  it("says what to install when there is no go", async () => {
    const missing = () => Promise.reject(Object.assign(new Error("spawn go ENOENT"), { code: "ENOENT" }));
    expect(await goProblem("1.26.0", missing)).toBe(
      "go is not installed: install Go 1.26 or newer (https://go.dev/dl)",
    );
  });

  it("says both ways out when an older go must not fetch a newer one", async () => {
    expect(await goProblem("1.26.0", go("go1.24.1\nlocal\n"))).toBe(
      "go is 1.24.1 and GOTOOLCHAIN=local keeps it from fetching a newer one: " +
        "install Go 1.26 or newer (https://go.dev/dl), or set GOTOOLCHAIN=auto",
    );
  });

  it("says what to install when go is too old to fetch a newer one", async () => {
    expect(await goProblem("1.26.0", go("go1.20.5\n\n"))).toBe(
      "go is 1.20.5: install Go 1.26 or newer (https://go.dev/dl)",
    );
  });
});
