/** Writes the manifests for those who don't use Helm, from the chart: `make manifests`. */
import { systemClock } from "../../src/clock.ts";
import { resolveHelm } from "../../test/chart/helm.ts";
import { streamProgress } from "../../test/control-plane/progress.ts";
import { manifestFiles } from "./manifest-files.ts";
import { writeFiles } from "./write-files.ts";

const { file } = await resolveHelm({ progress: streamProgress(process.stderr, systemClock) });
await writeFiles(await manifestFiles(file));
