import { describe, expect, test } from "vitest";
import { AtlasError, type AtlasErrorKind } from "../../atlas/errors/atlas-error.ts";
import type { CertificateList } from "../../atlas/paging.ts";
import type { UserSecurity } from "../../atlas/user-security.ts";
import { SensitiveText } from "../../sensitive-text.ts";
import { ManualClock } from "../../testing/manual-clock.ts";
import { settle } from "../../testing/settle.ts";
import type { AtlasApi } from "./atlas-api.ts";
import { CredentialsGate } from "./credentials-gate.ts";

const SECRET = "shop/atlas-api";
const RECHECK_MS = 600_000;
const USER = { groupId: "p", username: "orders-api" };
const EMPTY: CertificateList = { certificates: [], answeredAt: undefined };

function refusal(kind: AtlasErrorKind, retryAfterMs?: number): AtlasError {
  const problem = `Cannot list the certificates of database user "someone-else": ${kind}.`;
  return new AtlasError({ kind, operation: "listDatabaseUserCertificates", problem, status: 401, retryAfterMs });
}

/** An Atlas whose answers the test gives, call by call. */
class Scene {
  readonly clock = new ManualClock({ startAt: Date.UTC(2026, 0, 1) });
  readonly gate = new CredentialsGate({ recheckIntervalMs: RECHECK_MS, clock: this.clock });
  /** Answers to the calls that Atlas has not answered yet. */
  readonly open: PromiseWithResolvers<CertificateList>[] = [];
  calls = 0;
  /** Makes Atlas answer at once. @default it answers when the test says so */
  answer: (() => CertificateList) | undefined;
  readonly #api: AtlasApi = {
    listAllDatabaseUserCertificates: async () => {
      this.calls++;
      if (this.answer !== undefined) return this.answer();
      const answer = Promise.withResolvers<CertificateList>();
      this.open.push(answer);
      return answer.promise;
    },
    createDatabaseUserCertificate: async () => {
      this.calls++;
      this.answer?.();
      return new SensitiveText("pem");
    },
    getUserSecurity: () => this.#settings(),
    disableCustomerManagedX509: () => this.#settings(),
  };

  /** The guarded API of a Secret that holds these credentials. */
  holds(content: string, secret = SECRET): AtlasApi {
    return this.gate.guard(secret, content, this.#api);
  }

  async #settings(): Promise<UserSecurity> {
    this.calls++;
    this.answer?.();
    return { customerX509: {}, answeredAt: undefined };
  }

  rejects(): this {
    this.answer = () => {
      throw refusal("credentials");
    };
    return this;
  }

  accepts(): this {
    this.answer = () => EMPTY;
    return this;
  }
}

/** The result of a call: "ok", or the error. */
async function list(api: AtlasApi, signal?: AbortSignal): Promise<AtlasError | "ok"> {
  try {
    await api.listAllDatabaseUserCertificates(USER, { signal });
    return "ok";
  } catch (error: unknown) {
    if (error instanceof AtlasError) return error;
    throw error;
  }
}

const many = (api: AtlasApi) => Array.from({ length: 20 }, () => list(api));

describe("credentials that Atlas rejects", () => {
  test("cost one call, however many resources use them at the same time", async () => {
    const scene = new Scene();
    const results = many(scene.holds("a"));
    await settle();
    expect(scene.calls).toBe(1);
    scene.open[0]?.reject(refusal("credentials"));
    for (const result of await Promise.all(results)) expect(result).toMatchObject({ kind: "credentials" });
    expect(scene.calls).toBe(1);
  });

  test("cost no call until the recheck is due, and the error says when that is", async () => {
    const scene = new Scene().rejects();
    const api = scene.holds("a");
    await list(api);
    scene.clock.advanceNow(4000);
    expect(await list(api)).toMatchObject({ kind: "credentials", retryAfterMs: 6000, status: 401 });
    expect(scene.calls).toBe(1);
  });

  test("are reported without the user and the project of the call that found out", async () => {
    const scene = new Scene().rejects();
    const api = scene.holds("a");
    await list(api);
    const problem = "Atlas rejected the credentials at 2026-01-01T00:00:00Z (401).";
    expect(await list(api)).toMatchObject({ problem });
  });

  test("are retried with one call when the recheck is due", async () => {
    const scene = new Scene().rejects();
    const api = scene.holds("a");
    await list(api);
    scene.clock.advanceNow(10_000);
    await Promise.all(many(api));
    expect(scene.calls).toBe(2);
  });

  test("are rechecked less and less often, down to the recheck interval", async () => {
    const scene = new Scene().rejects();
    const api = scene.holds("a");
    const waits: (number | undefined)[] = [];
    for (let index = 0; index < 8; index++) {
      await list(api);
      const error = await list(api);
      if (error === "ok") throw new Error("it was let pass");
      waits.push(error.retryAfterMs);
      scene.clock.advanceNow(error.retryAfterMs ?? 0);
    }
    expect(waits).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 600_000, 600_000]);
  });

  test("pass again once Atlas accepts them at a recheck", async () => {
    const scene = new Scene().rejects();
    const api = scene.holds("a");
    await list(api);
    scene.clock.advanceNow(10_000);
    scene.accepts();
    expect(await Promise.all(many(api))).toEqual(Array(20).fill("ok"));
    expect(scene.calls).toBe(21);
  });

  test("are rejected too where Atlas accepted them before", async () => {
    const scene = new Scene().accepts();
    const api = scene.holds("a");
    await list(api);
    scene.rejects();
    await list(api);
    await Promise.all(many(api));
    expect(scene.calls).toBe(2);
  });

  test("stop a create as well, before it is sent", async () => {
    const scene = new Scene().rejects();
    const api = scene.holds("a");
    await list(api);
    const create = api.createDatabaseUserCertificate({ ...USER, userCert: { monthsUntilExpiration: 3 } });
    await expect(create).rejects.toMatchObject({ kind: "credentials", operation: "createDatabaseUserCertificate" });
    expect(scene.calls).toBe(1);
  });

  test.each(["getUserSecurity", "disableCustomerManagedX509"] as const)("stop %s as well", async (operation) => {
    const scene = new Scene().rejects();
    const api = scene.holds("a");
    await list(api);
    await expect(api[operation]({ groupId: "p" })).rejects.toMatchObject({ kind: "credentials", operation });
    expect(scene.calls).toBe(1);
  });

  test("say nothing of those in another Secret", async () => {
    const scene = new Scene().rejects();
    await list(scene.holds("a"));
    scene.accepts();
    expect(await list(scene.holds("a", "billing/atlas-api"))).toBe("ok");
  });
});

test.each<AtlasErrorKind>(["role", "accessList", "userNotFound", "projectNotFound", "customerManagedOn", "badRequest"])(
  "credentials pass although Atlas refuses one call with %s: others may be about another project",
  async (kind) => {
    const scene = new Scene();
    const api = scene.holds("a");
    const results = many(api);
    await settle();
    scene.open[0]?.reject(refusal(kind));
    await settle();
    expect(scene.calls).toBe(20);
    for (const answer of scene.open) answer.resolve(EMPTY);
    expect(await results[1]).toBe("ok");
  },
);

describe("while the first call is under way", () => {
  test("the others wait, and go once Atlas accepts it", async () => {
    const scene = new Scene();
    const results = many(scene.holds("a"));
    await settle();
    scene.accepts();
    scene.open[0]?.resolve(EMPTY);
    expect(await Promise.all(results)).toEqual(Array(20).fill("ok"));
    expect(scene.calls).toBe(20);
  });

  test.each<AtlasErrorKind>(["unavailable", "ambiguous", "badAnswer"])(
    "an outcome that says nothing of them (%s) is that of the others too, and no later call waits",
    async (kind) => {
      const scene = new Scene();
      const api = scene.holds("a");
      const results = many(api);
      await settle();
      scene.open[0]?.reject(refusal(kind));
      const [first, ...others] = await Promise.all(results);
      expect(first).toMatchObject({ kind });
      for (const other of others) expect(other).toMatchObject({ kind: "unavailable" });
      expect(JSON.stringify(others.map(String))).not.toContain("someone-else");
      expect(scene.calls).toBe(1);
      void many(api);
      await settle();
      expect(scene.calls).toBe(21);
    },
  );

  test.each<AtlasErrorKind>(["rateLimited", "aborted"])(
    "one of the others takes over if it ends as %s",
    async (kind) => {
      const scene = new Scene();
      const results = many(scene.holds("a"));
      await settle();
      scene.open[0]?.reject(refusal(kind));
      await settle();
      expect(scene.calls).toBe(2);
      scene.open[1]?.reject(refusal("credentials"));
      const [first, ...others] = await Promise.all(results);
      expect(first).toMatchObject({ kind });
      for (const other of others) expect(other).toMatchObject({ kind: "credentials" });
      expect(scene.calls).toBe(2);
    },
  );

  test("the others go after two seconds: it may be about a project that hangs", async () => {
    const scene = new Scene();
    const results = many(scene.holds("a"));
    await scene.clock.advance(1999);
    expect(scene.calls).toBe(1);
    scene.accepts();
    await scene.clock.advance(1);
    expect(await Promise.all(results.slice(1))).toEqual(Array(19).fill("ok"));
  });

  test("one that is called off stops waiting at once", async () => {
    const scene = new Scene();
    const api = scene.holds("a");
    void list(api);
    const stop = new AbortController();
    const waiting = list(api, stop.signal);
    stop.abort(new Error("the process stops"));
    await expect(waiting).rejects.toThrow("the process stops");
    expect(scene.clock.sleeping).toBe(0);
  });
});

describe("a Secret whose credentials change", () => {
  test("is tried at once after the first change, by one call", async () => {
    const scene = new Scene().rejects();
    await list(scene.holds("a"));
    await Promise.all(many(scene.holds("b")));
    expect(scene.calls).toBe(2);
  });

  test("is tried once in 10 s, however often it changes", async () => {
    const scene = new Scene().rejects();
    for (let second = 0; second <= 20; second++) {
      const api = scene.holds(`content ${second}`);
      await Promise.all(many(api));
      scene.clock.advanceNow(1000);
    }
    // The first content, then the changes at 1 s and 11 s.
    expect(scene.calls).toBe(3);
  });

  test("says when changed credentials are tried, and tries them then", async () => {
    const scene = new Scene().rejects();
    await list(scene.holds("a"));
    await list(scene.holds("b"));
    scene.clock.advanceNow(3000);
    scene.accepts();
    const api = scene.holds("c");
    expect(await list(api)).toMatchObject({ kind: "rateLimited", retryAfterMs: 7000 });
    scene.clock.advanceNow(7000);
    expect(await list(api)).toBe("ok");
  });

  test("does not start from zero when it is deleted and created again", async () => {
    const scene = new Scene().rejects();
    for (let second = 0; second < 9; second++) {
      await list(scene.holds(`content ${second}`));
      scene.gate.forget(SECRET);
      scene.gate.forget("shop/another");
      scene.clock.advanceNow(1000);
    }
    expect(scene.calls).toBe(2);
  });

  test("is forgotten some time after it was deleted", async () => {
    const scene = new Scene().rejects();
    await list(scene.holds("a"));
    scene.gate.forget(SECRET);
    scene.clock.advanceNow(10_000);
    scene.gate.forget("shop/another");
    await list(scene.holds("a"));
    expect(scene.calls).toBe(2);
  });

  test("keeps what is known of its credentials if only something else in it changes", async () => {
    const scene = new Scene().rejects();
    for (let second = 0; second < 9; second++) {
      await list(scene.holds("a"));
      scene.clock.advanceNow(1000);
    }
    expect(scene.calls).toBe(1);
  });

  test("lets a call go that had been let pass with the credentials of before", async () => {
    const scene = new Scene().accepts();
    const before = scene.holds("a");
    await list(before);
    scene.holds("b");
    expect(await list(before)).toBe("ok");
  });

  test("stops a call with credentials of before that were never tried", async () => {
    const scene = new Scene().accepts();
    const before = scene.holds("a");
    scene.holds("b");
    expect(await list(before)).toMatchObject({ kind: "unavailable" });
    expect(scene.calls).toBe(0);
  });

  test("does not put the outcome of the old credentials on the new ones", async () => {
    const scene = new Scene();
    const old = list(scene.holds("a"));
    await settle();
    const api = scene.holds("b");
    scene.open[0]?.reject(refusal("credentials"));
    await old;
    scene.accepts();
    expect(await list(api)).toBe("ok");
  });
});
