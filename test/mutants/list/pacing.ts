import type { MutatedFile } from "../mutant.ts";

const FOLDER = "atlas/pacing";

/** Of the way inside Atlas' rate limits. */
export const PACING: readonly MutatedFile[] = [
  {
    file: `${FOLDER}/token-bucket.ts`,
    tests: [`${FOLDER}/token-bucket.test.ts`, `${FOLDER}/pacer.test.ts`, `${FOLDER}/pacer.shares.test.ts`],
    mutants: [
      {
        why: "requests under way are spent twice",
        search: "Math.max(report.remaining - this.#underWay, 0)",
        replacement: "Math.max(report.remaining, 0)",
      },
      {
        why: "a token is counted that Atlas does not have",
        search: "Math.min(this.#tokens + refillTokens, capacityTokens - this.#takenInPeriod)",
        replacement: "Math.min(this.#tokens + refillTokens, capacityTokens)",
      },
      {
        why: "a Retry-After of Atlas is ignored",
        search: "this.#blockedUntil = Math.max(this.#blockedUntil, now + report.blockMs);",
        replacement: "",
      },
      {
        why: "a late answer gives tokens back",
        search: "if (left < this.#tokens) {",
        replacement: "if (left >= 0) {",
      },
    ],
  },
  {
    file: `${FOLDER}/pacer.ts`,
    tests: [
      `${FOLDER}/pacer.test.ts`,
      `${FOLDER}/pacer.shares.test.ts`,
      `${FOLDER}/learning-rate-limits.test.ts`,
      `${FOLDER}/turn-shares.test.ts`,
    ],
    mutants: [
      {
        why: "each call asks for the project's limits",
        search: "project.askedAt = now;",
        replacement: "",
      },
      {
        why: "all that were turned away come back at once",
        search: "waitMs + periods * refillPeriodMs",
        replacement: "waitMs + 0 * periods * refillPeriodMs",
      },
      {
        why: "a stranger takes tokens from a project that does not let it in",
        search: 'if (access !== "unknown") from.isIn = access === "granted";',
        replacement: "from.isIn = true;",
      },
      {
        why: "a caller that gave up still holds up the others",
        search: "project.waiting.remove(waiter);\n",
        replacement: "",
      },
      {
        why: "the pacer grows with each project that was ever named",
        search: "if (now - usedAt >= HOUR_MS) this.#projects.delete(groupId);",
        replacement: "",
        tests: [`${FOLDER}/pacer.forgetting.test.ts`],
      },
    ],
  },
  {
    file: `${FOLDER}/turn-shares.ts`,
    tests: [`${FOLDER}/turn-shares.test.ts`],
    mutants: [
      {
        why: "first certificates leave nothing for renewals",
        search: "{ renew: 4, issue: 2, verify: 1 }",
        replacement: "{ renew: 2, issue: 2, verify: 1 }",
      },
      {
        why: "one namespace takes all tokens of a project",
        search: '(this.#inUse.get(turn ?? "") ?? 0) < IN_USE_PER_TOKEN_LEFT[priority] * tokensLeft',
        replacement: '(this.#inUse.get(turn ?? "") ?? 0) < IN_USE_PER_TOKEN_LEFT[priority] * 1e9',
      },
      {
        why: "a namespace that used its share once never gets it back",
        search: "this.#set(turn, inUse * left);",
        replacement: "this.#set(turn, inUse || left);",
      },
    ],
  },
  {
    file: `${FOLDER}/waiting-turns.ts`,
    tests: [`${FOLDER}/waiting-turns.test.ts`],
    mutants: [
      {
        why: "the certificate that expires first is not renewed first",
        search: "(one.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY) <",
        replacement: "(one.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY) >",
      },
      {
        why: "one namespace keeps its turn until it has nothing left",
        search: "this.#turns.delete(turn);\n      if (left.length > 0) this.#turns.set(turn, left);",
        replacement: "if (left.length === 0) this.#turns.delete(turn);\n      else this.#turns.set(turn, left);",
      },
    ],
  },
];
