/** Builds what integration tests run and would take minutes to build beside them: `make programs`. */
import { systemClock } from "../../src/clock.ts";
import { streamProgress } from "../control-plane/progress.ts";
import { resolvePrometheus, resolvePromtool } from "./prometheus.ts";

const progress = streamProgress(process.stderr, systemClock);
for (const resolve of [resolvePrometheus, resolvePromtool]) process.stdout.write(`${await resolve({ progress })}\n`);
