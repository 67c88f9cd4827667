import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Grant } from "../../../../api/project-x509.ts";
import { type GrantRequest, globMatches, matchGrants } from "./match-grants.ts";
import { parseUserName, userNameKey } from "./user-name.ts";

const grant = (change: Partial<Grant>): Grant => ({ maxMonths: 3, shared: false, everybody: false, ...change });
const users = (...usernames: string[]) => grant({ namespaces: ["team"], usernames });
const names = (...distinguishedNames: string[]) => grant({ namespaces: ["team"], distinguishedNames });
const labels = (matchLabels: Record<string, string>) => grant({ namespaceSelector: { matchLabels }, usernames: ["a"] });
const request = (username: string, change: Partial<GrantRequest> = {}): GrantRequest => ({
  namespace: "team",
  labels: undefined,
  username,
  months: 3,
  ...change,
});
const none = () => 0;

function verdict(grants: readonly Grant[], asked: GrantRequest, olderUses: (grant: Grant) => number = none): string {
  const found = matchGrants(grants, asked, olderUses);
  return found.kind === "granted" ? "granted" : found.because;
}

describe("plain names, in namespace team", () => {
  test.each<readonly [pattern: string, username: string, verdict: string]>([
    ["orders", "orders", "granted"],
    ["orders", "orders2", "notNamed"],
    ["orders", "xorders", "notNamed"],
    ["orders", "Orders", "notNamed"],
    ["ORDERS", "orders", "notNamed"],
    ["orders-*", "orders-api", "granted"],
    ["orders-*", "orders-", "granted"],
    ["orders-*", "orders", "notNamed"],
    ["orders-*", "orders-a.b_c@d-E", "granted"],
    ["orders-*", "my-orders-api", "notNamed"],
    ["*-api", "orders-api", "granted"],
    ["*-api", "orders-api2", "notNamed"],
    ["*-api", "-api", "granted"],
    ["a*b*c", "axxbyyc", "granted"],
    ["a*b*c", "abc", "granted"],
    ["a*b*c", "acb", "notNamed"],
    ["a*b*c", "abcbc", "granted"],
    ["*", "anything", "granted"],
    ["*", "CN=anything", "notNamed"],
    ["orders.api", "ordersxapi", "notNamed"],
    ["orders.*", "orders.api", "granted"],
    ["orders.*", "ordersapi", "notNamed"],
    [".*", "orders", "notNamed"],
    ["[a-z]*", "orders", "notNamed"],
    ["*@example.com", "jane@example.com", "granted"],
    ["*@example.com", "jane@example.com.evil", "notNamed"],
    ["*@example.com", "jane@exampleXcom", "notNamed"],
    ["orders-*", "orders-x/../admin", "notNamed"],
    ["orders-*", "orders-x%2F..%2Fadmin", "notNamed"],
    ["orders-*", "orders-x%2f", "notNamed"],
    ["orders-*", "orders-x\\admin", "notNamed"],
    ["orders-*", "orders-x admin", "notNamed"],
    ["orders-*", "orders-x\u0000", "notNamed"],
    ["orders-*", "orders-x\n", "notNamed"],
    ["orders-*", "orders-ä", "notNamed"],
    ["orders-*", "orders-\u200b", "notNamed"],
    ["orders-*", "orders-x,CN=admin", "notNamed"],
    ["orders-*", "orders-x+admin", "notNamed"],
    ["orders-*", "orders-x;admin", "notNamed"],
    ["orders-*", "CN=orders-x", "notNamed"],
    ["orders-*", "orders-x=1", "notNamed"],
    ["\u043erders", "orders", "notNamed"],
    ["*", ".", "notNamed"],
    ["*", "..", "notNamed"],
    ["*", "...", "granted"],
    ["*", "", "notNamed"],
    ["", "", "notNamed"],
    ["CN=orders-*", "CN=orders-x,CN=admin", "notNamed"],
    ["CN=orders-*", "CN=orders-x", "notNamed"],
    ["{namespace}", "team", "granted"],
    ["{namespace}", "team-b", "notNamed"],
    ["{namespace}", "{namespace}", "notNamed"],
    ["{namespace}.*", "team.orders", "granted"],
    ["{namespace}.*", "team-b.orders", "notNamed"],
    ["{namespace}.*", "team-b-orders", "notNamed"],
    ["{namespace}.*", "xteam.orders", "notNamed"],
    ["{namespace}_*", "team_orders", "granted"],
    ["{namespace}@*", "team@x", "granted"],
    ["*.{namespace}", "orders.team", "granted"],
    ["*.{namespace}", "orders.a-team", "notNamed"],
    ["{namespace}.{namespace}", "team.team", "granted"],
    ["{namespace}.{namespace}", "team.other", "notNamed"],
  ])("%j grants %j: %s", (pattern, username, expected) => {
    expect(verdict([users(pattern)], request(username))).toBe(expected);
  });
});

describe("distinguished names", () => {
  test.each<readonly [granted: string, username: string, verdict: string]>([
    ["CN=reports,OU=analytics", "CN=reports,OU=analytics", "granted"],
    ["CN=reports,OU=analytics", "OU=analytics,CN=reports", "granted"],
    ["CN=reports,OU=analytics", "cn = reports , ou=analytics", "granted"],
    ["CN=reports,OU=analytics", "commonName=reports,OU=analytics", "granted"],
    ["CN=reports,OU=analytics", "CN=reports+OU=analytics", "granted"],
    ["CN=reports,OU=analytics", "CN=reports;OU=analytics", "granted"],
    ["CN=reports,OU=analytics", "CN=Reports,OU=analytics", "notNamed"],
    ["CN=reports,OU=analytics", "CN=reports", "notNamed"],
    ["CN=reports", "CN=reports,OU=analytics", "notNamed"],
    ["CN=reports,OU=analytics", "CN=analytics,OU=reports", "notNamed"],
    ["CN=reports", "reports", "notNamed"],
    ["CN=a,CN=a", "CN=a", "notNamed"],
    ["CN=a", "CN=a,CN=a", "notNamed"],
    ["CN=a,CN=b", "CN=b,CN=a", "granted"],
    ["CN=orders-*", "CN=orders-x,CN=admin", "notNamed"],
    ["CN=orders-*", "CN=orders-x", "notNamed"],
    ["CN=*", "CN=admin", "notNamed"],
    ["CN=a\\,CN=admin", "CN=a,CN=admin", "notNamed"],
    ["CN=a,CN=admin", "CN=a\\,CN=admin", "notNamed"],
    ["CN=a\\,b", 'CN="a,b"', "granted"],
    ["CN=a\\,b", "CN=a\\2Cb", "granted"],
    ["CN=a\\+b", "CN=a+CN=b", "notNamed"],
    ["CN=Zürich", "CN=Z\\C3\\BCrich", "granted"],
    ["CN=Zu\u0308rich", "CN=Zürich", "notNamed"],
    ["CN=a", "CN=a\\ ", "notNamed"],
    ["CN=a", "CN=\u0430", "notNamed"],
    ["CN=\\FF", "CN=\\FE", "notNamed"],
    ["CN=a\\00", "CN=a\\00", "notNamed"],
    ["CN={namespace}", "CN=team", "notNamed"],
    ["orders", "orders", "notNamed"],
    ["CN=a=b", "CN=a=b", "granted"],
    ["CN=", "CN=", "granted"],
    ["2.5.4.3=a", "CN=a", "notNamed"],
  ])("%j grants %j: %s", (granted, username, expected) => {
    expect(verdict([names(granted)], request(username))).toBe(expected);
  });
});

describe("all fields of a grant must match:", () => {
  const platform = { team: "platform", tier: "1" };
  test.each<readonly [string, readonly Grant[], Partial<GrantRequest>, string]>([
    ["no grants", [], {}, "notNamed"],
    ["a grant that names no namespaces", [grant({ usernames: ["a"] })], {}, "notNamed"],
    ["a grant that names no users", [grant({ namespaces: ["team"] })], {}, "notNamed"],
    ["another namespace", [users("a")], { namespace: "team-b" }, "notNamed"],
    ["a namespace whose name starts the same", [users("a")], { namespace: "tea" }, "notNamed"],
    ["no namespaces", [grant({ namespaces: [], usernames: ["a"] })], {}, "notNamed"],
    ["no users", [users()], {}, "notNamed"],
    [
      "the user of one grant in the namespace of another",
      [users("b"), grant({ namespaces: ["other"], usernames: ["a"] })],
      {},
      "notNamed",
    ],
    ["the second grant", [users("b"), users("a")], {}, "granted"],
    [
      "plain and distinguished names at once",
      [grant({ namespaces: ["team"], usernames: ["a"], distinguishedNames: ["CN=a"] })],
      {},
      "notNamed",
    ],
    ["labels", [labels({ team: "platform" })], { labels: platform }, "granted"],
    ["all labels", [labels(platform)], { labels: platform }, "granted"],
    ["labels of which one differs", [labels(platform)], { labels: { team: "platform", tier: "2" } }, "notNamed"],
    ["labels of which one is missing", [labels(platform)], { labels: { team: "platform" } }, "notNamed"],
    ["a label that every object inherits", [labels({ constructor: "x" })], { labels: {} }, "notNamed"],
    ["labels that are not known", [labels(platform)], {}, "labelsUnknown"],
    ["labels that are not known, of another user", [labels(platform)], { username: "b" }, "notNamed"],
    ["labels that are not known, beside a name", [labels(platform), users("a")], {}, "granted"],
    ["no labels, which selects all", [labels({})], { labels: {} }, "granted"],
    [
      "names and labels at once",
      [grant({ namespaces: ["other"], namespaceSelector: { matchLabels: {} }, usernames: ["a"] })],
      { labels: {} },
      "notNamed",
    ],
    ["fewer months", [users("a")], { months: 1 }, "granted"],
    ["more months", [users("a")], { months: 4 }, "months"],
    [
      "more months than the first grant allows",
      [users("a"), grant({ ...users("a"), maxMonths: 12 })],
      { months: 12 },
      "granted",
    ],
  ])("%s", (_what, grants, change, expected) => {
    expect(verdict(grants, request("a", change))).toBe(expected);
  });

  test("the oldest resources of the namespace, up to the limit", () => {
    const limited = grant({ ...users("a"), maxResources: 2 });
    expect(verdict([limited], request("a"), () => 1)).toBe("granted");
    expect(verdict([limited], request("a"), () => 2)).toBe("resources");
    expect(verdict([limited, users("a")], request("a"), () => 2)).toBe("granted");
  });

  test("the refusal says the limit", () => {
    expect(matchGrants([users("a")], request("a", { months: 4 }), none)).toMatchObject({ most: 3 });
  });
});

describe("a pattern", () => {
  const text = fc.string({ unit: fc.constantFrom(..."ab."), maxLength: 8 });
  const pattern = fc.string({ unit: fc.constantFrom(..."ab.*"), maxLength: 8 });

  test("matches what the same regular expression matches", () => {
    fc.assert(
      fc.property(pattern, text, (glob, name) => {
        const expression = new RegExp(`^${glob.replaceAll(".", "\\.").replaceAll("*", ".*")}$`);
        expect(globMatches(glob, name)).toBe(expression.test(name));
      }),
    );
  });

  test("of many stars is refused without delay", () => {
    expect(globMatches(`${"a*".repeat(128)}b`, "a".repeat(100_000))).toBe(false);
  });
});

test("two spellings of one distinguished name are one user", () => {
  const keyOf = (text: string) => {
    const name = parseUserName(text);
    return name === undefined ? undefined : userNameKey(name);
  };
  expect(keyOf("CN=reports,OU=a")).toBe(keyOf("OU=a, cn=reports"));
  expect(keyOf("CN=reports,OU=a")).not.toBe(keyOf("CN=reports,OU=b"));
  expect(keyOf("CN=a,OU=b")).not.toBe(keyOf('CN="a,OU=b"'));
});
