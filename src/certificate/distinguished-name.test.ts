import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { describeSubject, parseDistinguishedName, subjectAttributes, subjectIsUser } from "./distinguished-name.ts";
import { issuePem } from "./testing.ts";

const CN = (value: string) => ({ type: "CN", value });
const OU = (value: string) => ({ type: "OU", value });

describe("reads a distinguished name", () => {
  test.each([
    ["one attribute", "CN=reports", [CN("reports")]],
    ["several attributes", "CN=reports,OU=analytics", [CN("reports"), OU("analytics")]],
    ["blanks around attributes", "CN = reports , OU= analytics", [CN("reports"), OU("analytics")]],
    ["semicolons between attributes", "CN=reports;OU=analytics", [CN("reports"), OU("analytics")]],
    ["a part with several values", "CN=reports+OU=analytics", [CN("reports"), OU("analytics")]],
    ["small letters in a type", "cn=reports", [CN("reports")]],
    ["a long name of a type", "commonName=reports,emailAddress=a@b.c", [CN("reports"), { type: "E", value: "a@b.c" }]],
    [
      "a number as type",
      "OID.1.2.3=x,2.5.4.12=y",
      [
        { type: "1.2.3", value: "x" },
        { type: "2.5.4.12", value: "y" },
      ],
    ],
    ["an escaped comma", "CN=Reports\\, Inc.", [CN("Reports, Inc.")]],
    ["an escaped plus sign and quote", 'CN=a\\+b\\"c', [CN('a+b"c')]],
    ["escaped UTF-8 bytes", "CN=Z\\C3\\BCrich", [CN("Zürich")]],
    ["plain UTF-8", "CN=Zürich", [CN("Zürich")]],
    ["a quoted value", 'CN="Reports, Inc.",OU=x', [CN("Reports, Inc."), OU("x")]],
    ["an escaped backslash before digits", "CN=a\\\\41", [CN("a\\41")]],
    ["an escaped backslash at the end", "CN=a\\\\", [CN("a\\")]],
    ["an escaped blank at the end", "CN=a\\ ,OU=b", [CN("a "), OU("b")]],
    ["an escaped blank at the end, after a backslash", "CN=a\\\\\\ ", [CN("a\\ ")]],
    ["an escaped blank at the beginning", "CN=\\ a", [CN(" a")]],
    ["an equals sign in a value", "CN=a=b", [CN("a=b")]],
    ["an empty value", "CN=", [CN("")]],
  ])("with %s", (_what, text, attributes) => {
    expect(parseDistinguishedName(text)).toEqual(attributes);
  });

  test.each([
    ["a plain name", "orders-api"],
    ["nothing", ""],
    ["a mail address", "a@b.c"],
    ["a type with a blank in it", "C N=x"],
    ["a part without a type", "CN=x,reports"],
    ["a comma at the end", "CN=x,"],
  ])("and finds none in %s", (_what, text) => {
    expect(parseDistinguishedName(text)).toBeUndefined();
  });

  test("never throws, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'CNOU=,;+\\"# 4fü\u{1F600}') }), (text) => {
        parseDistinguishedName(text);
      }),
    );
  });

  test("takes a long text without end in linear time", () => {
    expect(parseDistinguishedName(`CN=${"\\".repeat(200_000)}`)).toHaveLength(1);
    expect(parseDistinguishedName("CN=a,".repeat(50_000))).toBeUndefined();
  });
});

const attribute = fc.record({
  type: fc.constantFrom("CN", "OU", "O", "L", "ST", "C", "E", "UID", "DC", "1.2.840.1"),
  value: fc.string({ unit: fc.constantFrom(..."ab4 fF,+\"\\<>;=#'ü\u{1F600}"), maxLength: 12 }),
});

describe("describes a subject", () => {
  test("so that it reads back the same", () => {
    fc.assert(
      fc.property(fc.array(attribute, { minLength: 1, maxLength: 5 }), (subject) => {
        expect(parseDistinguishedName(describeSubject(subject))).toEqual(subject);
      }),
    );
  });

  test("as people write it", () => {
    expect(describeSubject([CN("reports"), OU("Zürich, 2")])).toBe("CN=reports,OU=Zürich\\, 2");
  });
});

describe("a certificate's subject", () => {
  const cases: readonly (readonly [string, string, string, boolean])[] = [
    ["is the user with a plain name that is the CN", "CN=orders-api", "orders-api", true],
    ["is the user with a plain name although Atlas adds an OU", "OU=x,CN=orders-api", "orders-api", true],
    ["is not a user with another name", "CN=orders-api", "orders", false],
    ["is not a user whose name differs in a capital", "CN=orders-api", "Orders-api", false],
    ["is not a user whose name is only the OU", "OU=orders-api,CN=x", "orders-api", false],
    ["is the user with the same distinguished name", "CN=reports,OU=analytics", "CN=reports,OU=analytics", true],
    ["is the user with it in another order", "OU=analytics,CN=reports", "CN=reports,OU=analytics", true],
    ["is not a user with one attribute more", "CN=reports", "CN=reports,OU=analytics", false],
    ["is not a user with one attribute less", "CN=reports,OU=analytics", "CN=reports", false],
    ["is not a user with one of two OUs", "CN=reports,OU=a,OU=b", "CN=reports,OU=a", false],
    ["is the user with the same attribute twice", "CN=reports,OU=a,OU=a", "OU=a,CN=reports,OU=a", true],
    ["is not a user with an attribute once that it has twice", "CN=reports,OU=a,OU=a", "CN=reports,OU=a", false],
    ["is not a user with an attribute twice that it has once", "CN=reports,OU=a", "CN=reports,OU=a,OU=a", false],
    ["is not a user whose values are swapped between types", "CN=a,OU=b", "CN=b,OU=a", false],
    ["is not a user with a plain name that is one of two CNs", "CN=orders-api,CN=admin", "orders-api", false],
    ["is not a user with a plain name that stands twice", "CN=orders-api,CN=orders-api", "orders-api", false],
    ["is not a user with a plain name if it has no CN", "O=orders-api", "orders-api", false],
    ["is not a user whose name differs by a blank at the end", "CN=orders-api", "orders-api ", false],
    ["is not a user with another OU", "CN=reports,OU=sales", "CN=reports,OU=analytics", false],
    ["is the user with a name that only looks like a distinguished one", "CN=a\\=b", "a=b", true],
    ["is the user whose name holds a comma", "CN=Reports\\, Inc.", "CN=Reports\\, Inc.", true],
    ["is the user in UTF-8", "CN=Zürich", "Zürich", true],
    ["is the user with a mail address under its long name", "E=a@b.c,CN=x", "CN=x,emailAddress=a@b.c", true],
  ];
  test.each(cases)("%s", async (_what, subject, username, isUser) => {
    const certificate = new X509Certificate((await issuePem({ subject })).certificatePem);
    expect(subjectIsUser(subjectAttributes(certificate), username)).toBe(isUser);
  });

  test.each([
    ["holds every character that is escaped", 'CN=a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h\\=i\\#', [CN('a,b+c"d\\e<f>g;h=i#')]],
    ["begins with a number sign", "CN=\\#1", [CN("#1")]],
    ["begins and ends with a blank", "CN=\\ a\\ ,OU=b", [CN(" a "), OU("b")]],
    ["holds a line break that would look like another attribute", "CN=a\\0ACN=admin", [CN("a\nCN=admin")]],
    ["has two attributes in one part", "OU=a+CN=b", [OU("a"), CN("b")]],
    ["is empty", "", []],
  ])("is read back if it %s", async (_what, subject, attributes) => {
    const certificate = new X509Certificate((await issuePem({ subject })).certificatePem);
    expect(subjectAttributes(certificate)).toEqual(expect.arrayContaining(attributes));
    expect(subjectAttributes(certificate)).toHaveLength(attributes.length);
  });

  test("gives every value of an attribute that occurs twice", async () => {
    const certificate = new X509Certificate((await issuePem({ subject: "OU=a,OU=b,CN=x" })).certificatePem);
    expect(subjectAttributes(certificate)).toEqual(expect.arrayContaining([OU("a"), OU("b"), CN("x")]));
  });
});
