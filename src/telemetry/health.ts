import type { Answer } from "./server.ts";

/** One thing that must be well. */
export interface Check {
  readonly name: string;
  /** Undefined while it is well, else what is wrong: a phrase without secrets, for anybody may read it. */
  readonly problem: () => string | undefined;
}

export interface HealthOptions {
  /** The name of the endpoint, such as `readyz`. */
  readonly name: string;
  readonly checks: readonly Check[];
  /** Called when a check turns bad, and with undefined when it is well again: the kubelet does not show what it read. */
  readonly onChange: (check: string, problem: string | undefined) => void;
}

/** One health endpoint: named checks, answered in the way of kube-apiserver. */
export class Health {
  readonly #options: HealthOptions;
  readonly #bad = new Set<string>();

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /**
   * 200 `ok`, or 500 with a line for each check. `verbose` in the query asks for the lines anyway; each `exclude=name`
   * leaves a check out.
   */
  answer(query: URLSearchParams): Answer & { readonly body: string } {
    const { name, checks } = this.#options;
    const excluded = new Set(query.getAll("exclude"));
    const lines: string[] = [];
    let isWell = true;
    for (const check of checks) {
      const problem = this.#ask(check);
      if (excluded.delete(check.name)) {
        lines.push(`[+]${check.name} excluded: ok`);
      } else if (problem === undefined) {
        lines.push(`[+]${check.name} ok`);
      } else {
        isWell = false;
        lines.push(`[-]${check.name} failed: ${problem}`);
      }
    }
    for (const unknown of excluded)
      lines.push(`warn: can't exclude ${JSON.stringify(unknown)}: there is no such check`);
    lines.push(`${name} check ${isWell ? "passed" : "failed"}`);
    const body = isWell && !query.has("verbose") ? "ok" : `${lines.join("\n")}\n`;
    return { status: isWell ? 200 : 500, contentType: "text/plain; charset=utf-8", body };
  }

  #ask(check: Check): string | undefined {
    const problem = check.problem();
    if (problem !== undefined && !this.#bad.has(check.name)) {
      this.#bad.add(check.name);
      this.#options.onChange(check.name, problem);
    } else if (problem === undefined && this.#bad.delete(check.name)) {
      this.#options.onChange(check.name, undefined);
    }
    return problem;
  }
}
