import { homedir } from "node:os";
import { type Clock, systemClock } from "../../src/clock.ts";
import { cacheFolder } from "./cache-folder.ts";
import { cachedPrograms, platformName } from "./cached-programs.ts";
import { goBuild } from "./go-build.ts";
import { kubebuilderAssets } from "./kubebuilder-assets.ts";
import { readPinnedVersions } from "./pinned-versions.ts";
import { prebuiltPrograms } from "./prebuilt-programs.ts";
import { chooseSource, type ProgramName, type ResolvedPrograms } from "./program-source.ts";
import type { Progress } from "./progress.ts";

export interface ResolveOptions {
  /** The programs that must be there, all at one version. */
  readonly need: Iterable<ProgramName>;
  readonly progress: Progress;
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default process.env */
  readonly environment?: NodeJS.ProcessEnv;
}

/**
 * Finds the control plane's programs: KUBEBUILDER_ASSETS, then the cache folder, then the official prebuilt programs,
 * then a build from the pinned Go module (minutes, once).
 *
 * @throws NoProgramsError when no source has them; UnwritableCacheError when they could not be kept.
 */
export async function resolvePrograms(options: ResolveOptions): Promise<ResolvedPrograms> {
  const { progress, clock = systemClock, environment = process.env } = options;
  const pinned = await readPinnedVersions();
  const cache = cacheFolder(environment, homedir());
  const platform = platformName(process.platform, process.arch);
  return chooseSource(
    new Set(options.need),
    [
      kubebuilderAssets(environment.KUBEBUILDER_ASSETS),
      cachedPrograms(cache, pinned, platform),
      prebuiltPrograms(cache, pinned, progress, environment),
      goBuild({ cache, pinned, platform, progress, clock, environment }),
    ],
    progress,
  );
}
