import type { IssuedCertificate } from "../atlas/atlas.ts";
import type { AtlasObserver, Post, WrongAnswer } from "../atlas/atlas-client.ts";
import type { Change } from "../cluster/api-server.ts";
import { RESOURCE_TYPE, SECRET_TYPE } from "../cluster/kinds.ts";
import type { Machine } from "../engine/machine.ts";
import type { Call } from "../engine/network.ts";
import { EVERYWHERE, type Stage } from "../stage.ts";
import { Creates } from "./creates.ts";
import { Ledger } from "./ledger.ts";
import { Orphans } from "./orphans.ts";
import { Readiness } from "./readiness.ts";
import { Rest } from "./rest.ts";
import { Restarts } from "./restarts.ts";
import { Secrets } from "./secrets.ts";
import type { Invariant, Violation } from "./violation.ts";

/** Watches a run and reports what breaks an invariant, the first time for each resource. */
export class Judge implements AtlasObserver {
  readonly violations: Violation[] = [];
  readonly ledger: Ledger;
  readonly #stage: Stage;
  readonly #readiness: Readiness;
  readonly #creates: Creates;
  readonly #secrets: Secrets;
  readonly #orphans: Orphans;
  readonly #rest: Rest;
  readonly #restarts: Restarts;
  readonly #reported = new Set<string>();
  #hasBegun = false;

  constructor(stage: Stage) {
    this.#stage = stage;
    const report = this.report.bind(this);
    this.ledger = new Ledger(stage.world);
    this.#readiness = new Readiness(stage, this.ledger, report);
    this.#creates = new Creates(stage, this.ledger, this.#readiness, report);
    this.#secrets = new Secrets(stage, report);
    this.#orphans = new Orphans(stage, this.ledger, report);
    this.#rest = new Rest(stage, this.ledger, report);
    this.#restarts = new Restarts(stage, this.ledger, report);
  }

  report(invariant: Invariant, subject: string, message: string): void {
    const key = `${invariant} ${subject}`;
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    this.#stage.tell(() => `VIOLATION of ${invariant} (${subject}): ${message}`);
    this.violations.push({ invariant, at: this.#stage.now, subject, message });
  }

  change(change: Change): void {
    if (change.type.startsWith("leases")) return;
    // Before the ledger notes it: whose the Secret was is asked of how things were.
    this.#secrets.change(change);
    this.ledger.change(change);
    this.#orphans.change(change);
    this.#rest.change(change);
    this.#restarts.change(change);
    const { namespace = "" } = (change.after ?? change.before)?.metadata ?? {};
    if (change.type === RESOURCE_TYPE || change.type === SECRET_TYPE) this.#readiness.changed(namespace);
  }

  call(call: Call): void {
    this.#rest.call(call);
  }

  died(machine: Machine): void {
    this.#orphans.died(machine);
  }

  step(): void {
    if (this.#stage.world.hasLeader) this.#hasBegun = true;
    else if (this.#hasBegun) this.#stage.disturb(EVERYWHERE);
    this.#readiness.step();
    this.#orphans.step();
    this.#rest.step();
    this.#restarts.step();
  }

  posting(post: Post): void {
    this.#stage.tell(() => `${post.machine.name}: asks Atlas for a certificate of ${post.username}`);
    this.#creates.posting(post);
  }

  executed(post: Post): void {
    this.#stage.tell(() => `atlas: issues ${post.certificate?.serialNumber} for ${post.username}`);
    this.#creates.executed(post);
  }

  listed(projectId: string, username: string, certificates: readonly IssuedCertificate[]): void {
    this.ledger.listed(projectId, username, certificates);
  }

  wrongAnswer(projectId: string): WrongAnswer | undefined {
    const wrong = this.#stage.wrongAnswers.get(projectId);
    this.#stage.wrongAnswers.delete(projectId);
    return wrong;
  }
}
