/** From this version on, Go fetches by itself the newer Go that a module asks for, unless told not to. */
const FIRST_WITH_TOOLCHAINS = "1.21";

/**
 * Why the Go on this machine can't build a module, in one sentence; undefined when it can.
 *
 * @param needed the version in the module's `go` line
 * @param askGo gives the lines of `go env GOVERSION GOTOOLCHAIN`; throws when there is no go
 */
export async function goProblem(needed: string, askGo: () => Promise<string>): Promise<string | undefined> {
  const install = `install Go ${minor(needed)} or newer (https://go.dev/dl)`;
  let answer: string;
  try {
    answer = await askGo();
  } catch (error: unknown) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return `go is not installed: ${install}`;
    return `go doesn't run (${error instanceof Error ? error.message.split("\n", 1)[0] : String(error)}): ${install}`;
  }
  const [version = "", toolchain = ""] = answer.split("\n").map((line) => line.trim());
  const installed = /^go(\d+\.\d+(?:\.\d+)?)/.exec(version)?.[1];
  // A development build ("devel go1.27-…") has no number to compare; the build itself will tell.
  if (installed === undefined || !isOlder(installed, needed)) return undefined;
  if (isOlder(installed, FIRST_WITH_TOOLCHAINS)) return `go is ${installed}: ${install}`;
  if (toolchain !== "local") return undefined;
  return `go is ${installed} and GOTOOLCHAIN=local keeps it from fetching a newer one: ${install}, or set GOTOOLCHAIN=auto`;
}

function minor(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}

function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split(".").map(Number));
  for (let index = 0; index < 3; index++) {
    const difference = (a?.[index] ?? 0) - (b?.[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
