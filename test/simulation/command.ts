import { parseArgs } from "node:util";
import { Coverage } from "./invariants/coverage.ts";
import { INVARIANTS, type Invariant } from "./invariants/violation.ts";
import { ALL_FEATURES, type Feature, isFeature } from "./plan/features.ts";
import type { Choice } from "./plan/plan.ts";
import { replayCommand, shrink } from "./shrink.ts";
import { type Run, run } from "./simulation.ts";

interface Output {
  write(text: string): unknown;
}

/** What many runs have found. */
interface Findings {
  seeds: number;
  creates: number;
  deaths: number;
  /** The seeds that violate each invariant. */
  readonly violations: Map<Invariant, number[]>;
  readonly coverage: Coverage;
  /** The same for the same runs, call by call. */
  fingerprint: string;
}

const USAGE = `Usage: npm run simulation -- [flags]

  --seeds N          How many seeds to run. Defaults to 200.
  --from N           The first of them. Defaults to 1.
  --minutes N        Run seeds for so long instead.
  --features a,b     What happens: "all", "none" or some of
                     ${ALL_FEATURES.join(", ")}.
  --among a,b        What each seed draws from. Defaults to all.
  --without a,b      What no seed draws.
  --seed N           Run one seed and tell its story.
  --keep 1,4,7       Of the seed's plan, only these items happen ("none": nothing does).
  --members 0,2      Of the seed's resources, only these exist.
  --shrink a         Leave out of the seed's plan what the violation of invariant a does not need.
  --stories N        How many violations to shrink and tell. Defaults to 1.
  --until a,d        Stop at the first seed that violates one of these invariants.
  --json             Print the findings as JSON and nothing else.
`;

const OPTIONS = {
  seeds: { type: "string", default: "200" },
  from: { type: "string", default: "1" },
  minutes: { type: "string" },
  features: { type: "string" },
  among: { type: "string" },
  without: { type: "string" },
  members: { type: "string" },
  seed: { type: "string" },
  keep: { type: "string" },
  shrink: { type: "string" },
  stories: { type: "string", default: "1" },
  until: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

/** @returns the exit code: 0 where no invariant was violated */
export async function main(argv: readonly string[], out: Output): Promise<number> {
  const { values } = parseArgs({ args: [...argv], options: OPTIONS });
  if (values.help) {
    out.write(USAGE);
    return 0;
  }
  const choice = choiceOf(values);
  if (values.seed !== undefined) {
    const seed = Number(values.seed);
    return isInvariant(values.shrink)
      ? tellShrunk(seed, choice, values.shrink, out)
      : tell(
          await run({ seed, choice, kept: numbers(values.keep), members: numbers(values.members), isTold: true }),
          out,
        );
  }
  const startedAt = performance.now();
  const usageBefore = process.cpuUsage();
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
  const isEnough = (seeds: number) =>
    minutes === undefined ? seeds >= Number(values.seeds) : performance.now() - startedAt > minutes * 60_000;
  const until = new Set(values.until?.split(","));
  const findings = await search(Number(values.from), choice, (found) => isEnough(found.seeds) || isFound(found, until));
  const { user, system } = process.cpuUsage(usageBefore);
  if (values.until !== undefined && isFound(findings, until)) {
    const [first] = [...findings.violations].filter(([invariant]) => until.has(invariant));
    out.write(`found in seed ${first?.[1][0]}: ${first?.[0]}\n`);
  } else if (values.json) out.write(`${JSON.stringify(reportOf(findings))}\n`);
  else {
    print(findings, (user + system) / 1e6, out);
    for (const [invariant, [seed]] of [...findings.violations].slice(0, Number(values.stories))) {
      if (seed !== undefined) await tellShrunk(seed, choice, invariant, out);
    }
  }
  return findings.violations.size > 0 ? 1 : 0;
}

async function search(from: number, choice: Choice, isEnough: (findings: Findings) => boolean): Promise<Findings> {
  const findings: Findings = {
    seeds: 0,
    creates: 0,
    deaths: 0,
    violations: new Map(),
    coverage: new Coverage(),
    fingerprint: "",
  };
  for (let seed = from; !isEnough(findings); seed++) {
    const { creates, deaths, violations, coverage, fingerprint } = await run({ seed, choice });
    findings.fingerprint += fingerprint;
    findings.seeds += 1;
    findings.creates += creates;
    findings.deaths += deaths;
    findings.coverage.add(coverage);
    for (const invariant of new Set(violations.map((violation) => violation.invariant))) {
      findings.violations.set(invariant, [...(findings.violations.get(invariant) ?? []), seed]);
    }
  }
  return findings;
}

function reportOf({ coverage, violations, ...rest }: Findings) {
  return { ...rest, violations: Object.fromEntries(violations), missing: coverage.missing };
}

function isFound({ violations }: Findings, wanted: ReadonlySet<string>): boolean {
  return [...violations.keys()].some((invariant) => wanted.has(invariant));
}

function print({ seeds, creates, deaths, violations, coverage }: Findings, cpuSeconds: number, out: Output): void {
  out.write(`${seeds} seeds of 48 hours: ${creates} creates, ${deaths} ends of processes, `);
  out.write(`${(seeds / cpuSeconds).toFixed(1)} seeds a second of one core\n\n`);
  for (const [invariant, meaning] of Object.entries(INVARIANTS)) {
    // The entries' keys are the invariants.
    const found = violations.get(invariant as Invariant) ?? [];
    const which = found.length === 0 ? "" : ` (${found.slice(0, 10).join(", ")}${found.length > 10 ? ", …" : ""})`;
    out.write(`  ${invariant}  ${found.length} seeds${which}: ${meaning}\n`);
  }
  const counts = [...coverage.counts].toSorted().map(([name, count]) => `${name} ${count}`);
  out.write(`\noccurred: ${counts.join(", ")}\n`);
  if (coverage.missing.length > 0) out.write(`never occurred: ${coverage.missing.join(", ")}\n`);
}

function tell({ story, violations, fingerprint }: Run, out: Output): number {
  out.write(`${story.join("\n")}\n\n`);
  for (const { invariant, subject, message } of violations) out.write(`${invariant} (${subject}): ${message}\n`);
  out.write(`${violations.length} violations; fingerprint ${fingerprint}\n`);
  return violations.length > 0 ? 1 : 0;
}

async function tellShrunk(seed: number, choice: Choice, invariant: Invariant, out: Output): Promise<number> {
  const shrunk = await shrink(seed, choice, invariant);
  out.write(`\nSeed ${seed}, ${invariant}: ${INVARIANTS[invariant]}\n\n`);
  const code = tell(shrunk.run, out);
  out.write(`Run it again: ${replayCommand(seed, choice, shrunk)}\n`);
  return code;
}

function choiceOf(values: { features?: string; among?: string; without?: string }): Choice {
  if (values.features !== undefined) return { kind: "exactly", features: featuresOf(values.features) };
  const among = featuresOf(values.among ?? "all");
  return { kind: "among", features: among.difference(featuresOf(values.without ?? "none")) };
}

function featuresOf(text: string): ReadonlySet<Feature> {
  const names = text === "all" ? ALL_FEATURES : text === "none" ? [] : text.split(",");
  return new Set(
    names.map((name) => {
      if (!isFeature(name)) throw new Error(`there is no feature ${name}, only ${ALL_FEATURES.join(", ")}`);
      return name;
    }),
  );
}

function numbers(text: string | undefined): ReadonlySet<number> | undefined {
  if (text === undefined) return undefined;
  return new Set(text === "none" ? [] : text.split(",").map(Number));
}

function isInvariant(text: string | undefined): text is Invariant {
  return text !== undefined && Object.hasOwn(INVARIANTS, text);
}
