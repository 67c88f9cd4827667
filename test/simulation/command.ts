import { parseArgs } from "node:util";
import { Coverage } from "./invariants/coverage.ts";
import { INVARIANTS, type Invariant } from "./invariants/violation.ts";
import { ALL_FEATURES, FEATURES, type Feature, isFeature } from "./plan/features.ts";
import { run } from "./simulation.ts";

interface Output {
  write(text: string): unknown;
}

export async function main(argv: readonly string[], out: Output): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seeds: { type: "string", default: "200" },
      from: { type: "string", default: "1" },
      seed: { type: "string" },
      features: { type: "string" },
      items: { type: "string" },
    },
  });
  const features = featuresOf(values.features);
  if (values.seed !== undefined) {
    const items = undefined;
    const told = await run({ seed: Number(values.seed), features, items, isTold: true });
    out.write(`${told.story.join("\n")}\nfingerprint ${told.fingerprint}, ${told.steps} steps\n`);
    for (const { invariant, subject, message } of told.violations) out.write(`${invariant} ${subject}: ${message}\n`);
    return told.violations.length > 0 ? 1 : 0;
  }
  const coverage = new Coverage();
  const from = Number(values.from);
  const seeds = Number(values.seeds);
  const byInvariant = new Map<Invariant, number[]>();
  let [creates, deaths, steps] = [0, 0, 0];
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  for (let seed = from; seed < from + seeds; seed++) {
    const done = await run({ seed, features });
    creates += done.creates;
    deaths += done.deaths;
    steps += done.steps;
    coverage.add(done.coverage);
    for (const { invariant } of done.violations) {
      const found = byInvariant.get(invariant) ?? [];
      if (found.at(-1) !== seed) byInvariant.set(invariant, [...found, seed]);
    }
  }
  const s = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  out.write(`${seeds} seeds, ${creates} creates, ${deaths} deaths, ${steps} steps; ${(seeds / s).toFixed(1)} seeds/s, ${(seeds / ((user + system) / 1e6)).toFixed(1)} per cpu second\n`);
  for (const [invariant, found] of byInvariant) out.write(`${invariant}: ${found.length} seeds (${found.slice(0, 12)}): ${INVARIANTS[invariant]}\n`);
  out.write(`${[...coverage.counts].map(([n, c]) => `${n} ${c}`).join(", ")}\nmissing: ${coverage.missing.join(", ")}\n`);
  return byInvariant.size > 0 ? 1 : 0;
}

function featuresOf(text: string | undefined): ReadonlySet<Feature> | undefined {
  if (text === undefined) return undefined;
  if (text === "none") return new Set();
  const names = text === "all" ? ALL_FEATURES : text.split(",");
  for (const name of names) if (!isFeature(name)) throw new Error(`no such feature: ${name}; there are ${Object.keys(FEATURES)}`);
  return new Set(names.filter(isFeature));
}
