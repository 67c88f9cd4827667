import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import packageJson from "../../package.json" with { type: "json" };

const execute = promisify(execFile);
const ROOT = path.join(import.meta.dirname, "../..");

/** As the chart names the image when it is told nothing else. */
export const DEFAULT_TAG = `atlas-cert-operator:${packageJson.version}`;

export interface DockerBuildOptions {
  /** @default DEFAULT_TAG */
  readonly tag?: string;
  /** The image with Node.js and npm that the build stage is made of. @default the Dockerfile's */
  readonly nodeImage?: string;
  /** More flags of `docker build`. @default none */
  readonly flags?: readonly string[];
}

/**
 * The command that builds the image of the commit that is checked out. What it stamps on it (version, commit and
 * the commit's time) comes from that commit alone.
 */
export async function dockerBuildCommand(options: DockerBuildOptions = {}): Promise<readonly string[]> {
  const { tag = DEFAULT_TAG, nodeImage, flags = [] } = options;
  const { commit, committedAt } = await checkedOut();
  const settings = {
    VERSION: packageJson.version,
    COMMIT: commit,
    CREATED: new Date(committedAt * 1000).toISOString(),
    ...(nodeImage === undefined ? {} : { NODE_IMAGE: nodeImage }),
  };
  const buildArguments = Object.entries(settings).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]);
  return ["docker", "build", ...buildArguments, ...flags, "--tag", tag, ROOT];
}

/** The commit, with `-dirty` behind it where files differ from it, and its time in seconds since 1970. */
async function checkedOut(): Promise<{ readonly commit: string; readonly committedAt: number }> {
  try {
    const git = async (...args: string[]) => (await execute("git", args, { cwd: ROOT })).stdout.trim();
    const [commit, time] = await Promise.all([
      git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"),
      git("log", "-1", "--format=%ct"),
    ]);
    return { commit, committedAt: Number(time) };
  } catch {
    // An unpacked archive of the sources has no commit to name.
    return { commit: "", committedAt: 0 };
  }
}
