import { describe, expect, test } from "vitest";
import { DeadlineReached } from "../deadline.ts";
import type { CallOptions } from "./session.ts";
import { ApiUnderTest, failureOf } from "./testing/api-under-test.ts";
import { answer, tokenAnswer } from "./testing/recording-server.ts";
import { API_KEYS, GROUP_ID, pageBody, SERVICE_ACCOUNT, USERNAME } from "./testing/samples.ts";
import type { X509AuthenticationApi } from "./x509-authentication-api.ts";

const PROJECT = { groupId: GROUP_ID };
const USER = { ...PROJECT, username: USERNAME };

type Operation = (api: X509AuthenticationApi, options: CallOptions) => Promise<unknown>;

const reading: readonly (readonly [string, Operation])[] = [
  ["listDatabaseUserCertificates", (api, options) => api.listDatabaseUserCertificates(USER, options)],
  ["listAllDatabaseUserCertificates", (api, options) => api.listAllDatabaseUserCertificates(USER, options)],
  ["getUserSecurity", (api, options) => api.getUserSecurity(PROJECT, options)],
  ["refreshRateLimits", (api, options) => api.refreshRateLimits(PROJECT, options)],
];
const changing: readonly (readonly [string, Operation])[] = [
  ["createDatabaseUserCertificate", (api, options) => api.createDatabaseUserCertificate(USER, options)],
  ["disableCustomerManagedX509", (api, options) => api.disableCustomerManagedX509(PROJECT, options)],
];

describe("a caller who leaves", () => {
  test.each([...reading, ...changing])("before %s begins causes no request", async (_name, operation) => {
    for (const credentials of [SERVICE_ACCOUNT, API_KEYS]) {
      await using under = await ApiUnderTest.start({ credentials });
      const error = await failureOf(operation(under.api, { signal: AbortSignal.abort() }));
      expect(error.kind).toBe("aborted");
      expect(under.server.requests).toEqual([]);
    }
  });

  test.each([
    ...reading.map(([name, operation]) => [name, operation, "aborted"] as const),
    ...changing.map(([name, operation]) => [name, operation, "ambiguous"] as const),
  ])("while %s waits for its answer gets none, and the request is not repeated", async (_name, operation, kind) => {
    const leave = new AbortController();
    await using under = await ApiUnderTest.start({
      react: ({ target }) => (target === "/api/oauth/token" ? tokenAnswer() : () => leave.abort()),
    });
    const error = await failureOf(operation(under.api, { signal: leave.signal }));
    expect(error.kind).toBe(kind);
    expect(under.calls).toHaveLength(1);
  });
});

describe("a caller whose own time limit is over", () => {
  test.each(reading)("gets no answer from Atlas to %s, at whatever moment", async (_name, operation) => {
    const limit = new AbortController();
    const isOver = () => limit.abort(new DeadlineReached(60_000));
    await using under = await ApiUnderTest.start({
      react: ({ target }) => (target === "/api/oauth/token" ? tokenAnswer() : isOver),
    });
    const failures = [await failureOf(operation(under.api, { signal: limit.signal }))];
    failures.push(await failureOf(operation(under.api, { signal: limit.signal })));
    expect(failures.map(({ kind }) => kind)).toEqual(["unavailable", "unavailable"]);
    expect(failures[0]?.message).toContain("no answer within 60000 ms");
    expect(under.calls).toHaveLength(1);
  });
});

describe("a call whose time is over after it was sent", () => {
  test.each([
    ...reading.map(([name, operation]) => [name, operation, "unavailable"] as const),
    ...changing.map(([name, operation]) => [name, operation, "ambiguous"] as const),
  ])("is given up, and %s is not repeated", async (_name, operation, kind) => {
    await using under = await ApiUnderTest.start({
      react: ({ target }) => (target === "/api/oauth/token" ? tokenAnswer() : () => under.clock.advanceNow(30_000)),
    });
    const error = await failureOf(operation(under.api, { timeoutMs: 30_000 }));
    expect(error).toMatchObject({ kind, message: expect.stringContaining("no answer within 30000 ms") });
    expect(under.calls).toHaveLength(1);
  });

  test("has spent it on all pages of a list together", async () => {
    await using under = await ApiUnderTest.start({
      react: ({ target }) => {
        if (target === "/api/oauth/token") return tokenAnswer();
        under.clock.advanceNow(30_000);
        return answer(200, pageBody([`"${under.calls.length}"`]));
      },
    });
    const all = under.api.listAllDatabaseUserCertificates({ ...USER, itemsPerPage: 1 }, { timeoutMs: 90_000 });
    const error = await failureOf(all);
    expect(error).toMatchObject({ kind: "unavailable", operation: "listDatabaseUserCertificates" });
    expect(under.calls).toHaveLength(3);
  });
});
