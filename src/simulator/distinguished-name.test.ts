import { describe, expect, test } from "vitest";
import { formatDistinguishedName, parseDistinguishedName, subjectOfUser } from "./distinguished-name.ts";

describe("subjectOfUser", () => {
  test.each([
    ["makes a plain name the common name", "orders-api", "CN=orders-api"],
    ["keeps a distinguished name", "CN=reports,OU=analytics,O=Example", "CN=reports,OU=analytics,O=Example"],
    ["writes attribute types in capitals and without spaces", "cn = reports , ou=analytics", "CN=reports,OU=analytics"],
    ["escapes what is special in a plain name", "a,b+c", "CN=a\\,b\\+c"],
    ["takes a name with an unknown attribute type as a plain one", "team=orders", "CN=team=orders"],
    ["takes a broken distinguished name as a plain one", "CN=a,", "CN=CN=a\\,"],
    ["keeps UTF-8", "bestellungen-größe", "CN=bestellungen-größe"],
    ["keeps the parts of a multi-valued part together", "CN=a+UID=b,O=c", "CN=a+UID=b,O=c"],
  ])("%s", (_, username, subject) => {
    expect(formatDistinguishedName(subjectOfUser(username))).toBe(subject);
  });
});

describe("parseDistinguishedName", () => {
  test.each([
    ["a comma behind a backslash", "CN=a\\,b", "a,b"],
    ["UTF-8 as pairs of hex digits", "CN=gr\\C3\\B6\\C3\\9Fe", "größe"],
    ["a quoted value", 'CN="a, b"', "a, b"],
    ["a space behind a backslash at the end", "CN=a\\ ", "a "],
    ["bare spaces around a value, which do not count", "CN=  a  ", "a"],
  ])("reads %s", (_, text, value) => {
    expect(parseDistinguishedName(text)).toEqual([[{ type: "CN", value }]]);
  });

  test.each(["", "CN=", "CN", "CN=a,OU", "CN=a\\", 'CN="a', "X=a", "=a"])("refuses %j", (text) => {
    expect(parseDistinguishedName(text)).toBeUndefined();
  });

  test("reads back what was written, whatever the value holds", () => {
    const name = [[{ type: "CN", value: ' #a,b+c"d\\e<f>g;h=i ' }], [{ type: "O", value: "#x" }]];
    expect(parseDistinguishedName(formatDistinguishedName(name))).toEqual(name);
  });
});
