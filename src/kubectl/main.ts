#!/usr/bin/env node
import { kubectlCommand } from "./command.ts";

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort(new Error(`${name} received`)));
const { stdout, stderr, env: environment } = process;
process.exitCode = await kubectlCommand(process.argv.slice(2), { stdout, stderr, environment, signal: stop.signal });
