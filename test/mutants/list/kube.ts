import type { MutatedFile } from "../mutant.ts";

/** Of the client, the caches, the queue and the lease. */
export const KUBE: readonly MutatedFile[] = [
  {
    file: "kube/cache/reflector.ts",
    tests: [
      "kube/cache/reflector.test.ts",
      "kube/cache/reflector.faults.test.ts",
      "kube/cache/reflector.relist.test.ts",
    ],
    mutants: [
      {
        why: "the watches of all processes come back at once",
        search: "Math.round(300 + 300 * random())",
        replacement: "Math.round(300 + 0 * random())",
      },
      {
        why: "a proxy that cuts watches is hammered",
        search: "clock.monotonic() - startedAt < SHORT_WATCH_MS",
        replacement: "clock.monotonic() < startedAt",
      },
      {
        why: "an object that cannot be projected vanishes from the cache",
        search: "listed.add(key);",
        replacement: "if (projection !== undefined) listed.add(key);",
      },
    ],
  },
  {
    file: "kube/cache/watch-recovery.ts",
    tests: [
      "kube/cache/reflector.test.ts",
      "kube/cache/reflector.faults.test.ts",
      "kube/cache/reflector.relist.test.ts",
    ],
    mutants: [
      {
        why: "a watch that fails again and again never lists anew",
        search: "failuresInARow % RELIST_AFTER_FAILURES === 0 ||",
        replacement: "",
      },
      {
        why: "a watch from a future resourceVersion stays silent for ever",
        search: "this.#silentWatches >= RELIST_AFTER_SILENT_WATCHES)",
        replacement: "this.#silentWatches < 0)",
      },
      {
        why: "a Retry-After of the API server is ignored",
        search: "asked === undefined ? 0 : askedWaitMs(asked, this.#random()),",
        replacement: "asked === undefined ? 0 : askedWaitMs(0, this.#random()),",
      },
    ],
  },
  {
    file: "kube/client/item-splitter.ts",
    tests: ["kube/client/item-splitter.test.ts"],
    mutants: [
      {
        why: "a quotation mark that is escaped ends a string",
        search: "} while (this.#isEscaped);",
        replacement: "} while (!this.#isInString);",
      },
      {
        why: "an escape at the end of a piece is forgotten",
        search: "let index = this.#isEscaped ? from + 1 : from;",
        replacement: "let index = from;",
      },
      {
        why: "an array deeper inside counts as the list's objects",
        search: "(this.#depth === 1 && byte === OPEN_BRACKET)",
        replacement: "byte === OPEN_BRACKET",
      },
      {
        why: "an object of any size is parsed",
        search: "this.#item.bytes > maxItemBytes ? onTooLarge : onItem",
        replacement: "onItem",
      },
    ],
  },
  {
    file: "kube/cache/store.ts",
    tests: ["kube/cache/store.test.ts"],
    mutants: [
      {
        why: "the answer of a write replaces a newer state",
        search: "age === undefined ? stored?.uid === object.uid : age > 0;",
        replacement: "age === undefined ? stored?.uid === object.uid : true;",
      },
      {
        why: "what others changed before our own write is never handled",
        search: "return stored?.resourceVersion === onto ? [] : events;",
        replacement: "return events.slice(events.length);",
      },
      {
        why: "a list drops what was written since",
        search: "if (isInScope && !keys.has(key) && !isYounger) {",
        replacement: "if (isInScope && !keys.has(key)) {",
      },
      {
        why: "a list of one namespace drops the objects of all others",
        search: 'const isInScope = scope === "" || object.namespace === scope;',
        replacement: "const isInScope = true;",
      },
      {
        why: "an object that a write brought back is dropped",
        search: "return age !== undefined && age < 0 ? [] : this.#delete(key, previous);",
        replacement: "return this.#delete(key, previous);",
      },
    ],
  },
  {
    file: "kube/cache/resource-version.ts",
    tests: ["kube/cache/store.test.ts"],
    mutants: [
      {
        why: "resourceVersion 10 counts as older than 9",
        search: "if (a.length !== b.length) return",
        replacement: "if (a.length < 0) return",
      },
    ],
  },
  {
    file: "kube/queue/work-queue.ts",
    tests: ["kube/queue/work-queue.test.ts", "kube/queue/work-queue.failures.test.ts"],
    mutants: [
      {
        why: "a change that fixes a failure waits for the whole backoff",
        search: "changed ? 1 : failures",
        replacement: "failures",
      },
      {
        why: "a change during a run is lost",
        search: "if (item.dirty !== undefined) this.add(key, item.dirty);",
        replacement: "",
      },
      {
        why: "an urgent change during a run goes last",
        search: "Math.min(priority, item.dirty?.priority ?? priority)",
        replacement: "Math.max(priority, item.dirty?.priority ?? priority)",
      },
      {
        why: "an item that hangs keeps its place for ever",
        search: "item.stuck = true;",
        replacement: "",
      },
      {
        why: "the backoff survives a success",
        search: '    this.#failures.delete(key);\n    if (outcome.kind === "again")',
        replacement: '    if (outcome.kind === "again")',
      },
      {
        why: "certificates near expiry lose their place when their time comes",
        search: "this.add(key, { priority });",
        replacement: "this.add(key, { priority: 0 * priority });",
      },
    ],
  },
  {
    file: "kube/queue/delayed-keys.ts",
    tests: ["kube/queue/delayed-keys.test.ts", "kube/queue/work-queue.test.ts"],
    mutants: [
      {
        why: "a later time replaces an earlier one",
        search: "this.#leftMs(existing) <= this.#leftMs(entry)",
        replacement: "this.#leftMs(existing) < 0 && this.#leftMs(entry)",
      },
      {
        why: "a clock that is set back a year stops every renewal for a year",
        search: "return this.#wallAheadMs < before - SET_BACK_MS;",
        replacement: "return before === undefined;",
      },
    ],
  },
  {
    file: "kube/queue/ready-keys.ts",
    tests: ["kube/queue/ready-keys.properties.test.ts", "kube/queue/work-queue.test.ts"],
    mutants: [
      {
        why: "urgent keys starve all others",
        search: "this.#picks % FAIR_TURN === 0 ?",
        replacement: "this.#picks < 0 ?",
      },
      {
        why: "a namespace takes one place more than its share",
        search: "(this.#atWork.get(id) ?? 0) < most)",
        replacement: "(this.#atWork.get(id) ?? 0) <= most)",
      },
      {
        why: "one lane keeps its turn until it is empty",
        search: "this.#lanes.delete(lane.id);\n    if (lane.size > 0) this.#lanes.set(lane.id, lane);",
        replacement: "if (lane.size === 0) this.#lanes.delete(lane.id);",
      },
    ],
  },
  {
    file: "kube/lease/lease-claim.ts",
    tests: ["kube/lease/lease.test.ts", "kube/lease/lease.lost.test.ts"],
    mutants: [
      {
        why: "a suspended machine believes that it still leads",
        search: " &&\n      clock.now() - this.#renewedAt.wall < this.#options.renewDeadlineMs",
        replacement: "",
      },
      {
        why: "an attempt goes on in a later leadership",
        search: "this.#term += 1;",
        replacement: "this.#term += 0;",
      },
      {
        why: "a leader counts its time from the answer rather than from the request",
        search: "this.#renewedAt = startedAt;",
        replacement: "this.#renewedAt = { monotonic: clock.monotonic(), wall: clock.now() };",
      },
      {
        why: "a lease that another holds is taken",
        search: "if (current?.isHeldByOther(identity, clock.monotonic())) return false;",
        replacement: "if (identity === undefined) return false;",
      },
    ],
  },
  {
    file: "kube/client/status-answer.ts",
    tests: ["kube/client/status-answer.test.ts"],
    mutants: [
      {
        why: "a proxy's 404 page counts as a deleted object",
        search: 'return isFromApiServer ? "NotFound" : "BadAnswer";',
        replacement: 'return isFromApiServer || code ? "NotFound" : "BadAnswer";',
      },
    ],
  },
  {
    file: "kube/client/request-budget.ts",
    tests: ["kube/client/request-budget.test.ts"],
    mutants: [
      {
        why: "a request that was called off holds up those behind it",
        search: "this.#tokens += 1;\n      throw error;",
        replacement: "throw error;",
      },
    ],
  },
];
