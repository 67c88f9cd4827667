import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type * as z from "zod";
import { SensitiveText } from "../sensitive-text.ts";
import { parseBody } from "./answer-content.ts";
import { AtlasError } from "./errors/atlas-error.ts";
import type { ErrorContext } from "./errors/error-context.ts";
import { certificatePage } from "./issued-certificate.ts";
import { readRateLimits } from "./pacing/rate-limits-answer.ts";
import { readPemAnswer } from "./pem-answer.ts";
import { ApiUnderTest } from "./testing/api-under-test.ts";
import { broken } from "./testing/broken.ts";
import { everythingIn } from "./testing/everything-in.ts";
import { answer, tokenAnswer } from "./testing/recording-server.ts";
import { GROUP_ID, KEY_MATERIAL, PEM, pageBody, USERNAME } from "./testing/samples.ts";
import { userSecurity } from "./user-security.ts";

const CONTEXT: ErrorContext = {
  operation: "listDatabaseUserCertificates",
  caller: "API key a",
  conceal: (text) => text,
  groupId: GROUP_ID,
  username: USERNAME,
};

function parse<T extends z.ZodType>(schema: T, text: string): z.output<T> | AtlasError {
  const answer = { status: 200, headers: new Map(), body: new SensitiveText(text) };
  try {
    return parseBody(answer, schema, "what was asked for", CONTEXT);
  } catch (error) {
    if (error instanceof AtlasError) return error;
    throw error;
  }
}

describe("a broken answer ends in an error and never in nonsense:", () => {
  test("a list of certificates", () => {
    fc.assert(
      fc.property(fc.oneof(broken(pageBody(["9223372036854775807", "1"], 2)), fc.json()), (text) => {
        const page = parse(certificatePage, text);
        if (page instanceof AtlasError) {
          expect(page.kind).toBe("badAnswer");
          return;
        }
        for (const { serialNumber, createdAt, notAfter } of page.results) {
          expect(serialNumber).toMatch(/^-?\d+$/);
          for (const date of [createdAt, notAfter]) expect(date?.getTime()).not.toBeNaN();
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("the user security settings", () => {
    const good = JSON.stringify({ customerX509: { cas: "-----BEGIN CERTIFICATE-----" } });
    fc.assert(
      fc.property(fc.oneof(broken(good), fc.json()), (text) => {
        const settings = parse(userSecurity, text);
        if (settings instanceof AtlasError) expect(settings.kind).toBe("badAnswer");
        else expect(settings.customerX509.cas).not.toBe("");
      }),
      { numRuns: 1000 },
    );
  });

  test("the rate limits", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (capacity, refillRate, refillDurationSeconds) => {
        const limits = readRateLimits({ results: [{ capacity, refillRate, refillDurationSeconds }] });
        for (const figure of Object.values(limits ?? {})) {
          expect(Number.isFinite(figure) && figure > 0).toBe(true);
        }
      }),
      // Finite, and in milliseconds no longer so.
      { numRuns: 1000, examples: [[1200, 500, 1.7e308]] },
    );
  });

  test("a certificate with its key", () => {
    fc.assert(
      fc.property(broken(PEM), fc.boolean(), (text, quoted) => {
        const pem = readPemAnswer(new SensitiveText(quoted ? JSON.stringify(text) : text));
        if (pem !== undefined) expect(pem.reveal()).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("an error of a broken answer shows nothing of it:", () => {
  test("a list with key material in every place", () => {
    const entry = {
      [KEY_MATERIAL]: KEY_MATERIAL,
      _id: KEY_MATERIAL,
      createdAt: KEY_MATERIAL,
      notAfter: KEY_MATERIAL,
      groupId: GROUP_ID,
      subject: KEY_MATERIAL,
    };
    const page = JSON.stringify({ results: [entry, KEY_MATERIAL], totalCount: KEY_MATERIAL, links: KEY_MATERIAL });
    fc.assert(
      fc.property(fc.oneof(broken(page), fc.constant(page)), (text) => {
        const error = parse(certificatePage, text);
        if (error instanceof AtlasError) expect(everythingIn(error)).not.toContain(KEY_MATERIAL);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ["the body", (text: string) => answer(201, text), PEM],
    ["the body as a JSON string", (text: string) => answer(201, text), JSON.stringify(PEM)],
    ["anything in it, the head included", (text: string) => text, answer(201, PEM)],
  ] as const)("a create, with %s broken", async (_name, send, good) => {
    let text = "";
    await using under = await ApiUnderTest.start({
      react: ({ target }) => (target === "/api/oauth/token" ? tokenAnswer() : (socket) => socket.end(send(text))),
    });
    await fc.assert(
      fc.asyncProperty(broken(good), async (mangled) => {
        text = mangled;
        const user = { groupId: GROUP_ID, username: USERNAME };
        const outcome = await under.api.createDatabaseUserCertificate(user).catch((error: unknown) => error);
        if (outcome instanceof SensitiveText) {
          expect(outcome.reveal()).toMatch(/-----BEGIN CERTIFICATE-----[\s\S]*-----END PRIVATE KEY-----/);
          return;
        }
        if (!(outcome instanceof AtlasError)) throw outcome;
        expect(everythingIn(outcome)).not.toContain(KEY_MATERIAL);
      }),
      { numRuns: 200 },
    );
  });
});

describe("an answer as large as one may be is read at once, whatever it is made of:", () => {
  const MEGABYTE = 1024 * 1024;
  const fill = (piece: string) => piece.repeat(Math.ceil(MEGABYTE / piece.length));

  test.each([
    ["beginnings", fill("-----BEGIN PRIVATE KEY-----\n")],
    ["labels that go on", fill("-----BEGIN A B C D E F G H ")],
    ["hyphens", fill("-")],
    ["quotes", fill('"')],
    ["one string without an end", `"${fill("a")}`],
    ["escaped quotes", `"${fill('\\"')}`],
    ["nested lists", fill("[")],
    ["key material", KEY_MATERIAL + fill("A")],
    ["blanks", fill(" \n")],
  ])("%s", (_, text) => {
    const start = process.threadCpuUsage();
    expect(readPemAnswer(new SensitiveText(text))).toBeUndefined();
    expect(parse(certificatePage, text)).toBeInstanceOf(AtlasError);
    // A hundred times what it takes on a slow machine, and nothing against what a pattern that backtracks would take.
    // Time of this thread alone, whatever else the machine has to do.
    expect(process.threadCpuUsage(start).user).toBeLessThan(5_000_000);
  });
});
