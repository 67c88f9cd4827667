import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SensitiveText } from "../../sensitive-text.ts";
import { conceal } from "./conceal.ts";

const SECRET = "mdb_sa_sk_Very+Secret/0123456789";
const secrets = [new SensitiveText("other"), new SensitiveText(SECRET)];
const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("conceal", () => {
  test.each([
    ["as it is", SECRET],
    ["encoded for a form", encodeURIComponent(SECRET)],
    ["in base64", base64(SECRET)],
    ["in base64url", Buffer.from(SECRET).toString("base64url")],
  ])("takes a secret out of a text that holds it %s", (_name, form) => {
    expect(conceal(`the secret ${form} is bad`, secrets)).toMatch(/^the secret \[redacted\]\S{0,3} is bad$/);
  });

  test("takes out every occurrence", () => {
    expect(conceal(`${SECRET} and ${SECRET}`, secrets)).toBe("[redacted] and [redacted]");
  });

  test("leaves at most the outermost characters of a secret inside something longer in base64", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        const rest = conceal(base64(`${before}${SECRET}${after}`), secrets).split("[redacted]");
        expect(rest).toHaveLength(2);
        expect(rest.join("").length).toBeLessThanOrEqual(base64(before).length + base64(after).length + 8);
      }),
    );
  });

  test("leaves a text alone that holds no secret", () => {
    expect(conceal("Invalid attribute x.", secrets)).toBe("Invalid attribute x.");
    expect(conceal("Invalid attribute x.", [new SensitiveText("")])).toBe("Invalid attribute x.");
  });
});
