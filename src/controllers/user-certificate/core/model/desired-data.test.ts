import { describe, expect, test } from "vitest";
import { connectionString, desiredExtras, wantedExtras } from "./desired-data.ts";

const LEAST = { host: "cluster0.abcde.mongodb.net", scheme: "mongodb+srv", mountPath: "/etc/mongodb" } as const;
const LOGIN = "authMechanism=MONGODB-X509&authSource=%24external&tls=true&tlsCertificateKeyFile=";

describe("the connection string", () => {
  test("names the host, the login and the file", () => {
    expect(connectionString(LEAST)).toBe(
      `mongodb+srv://cluster0.abcde.mongodb.net/?${LOGIN}/etc/mongodb/tls-combined.pem`,
    );
  });

  test("has the database in its path", () => {
    expect(connectionString({ ...LEAST, database: "orders 50%" })).toContain("mongodb.net/orders%2050%25?auth");
  });

  test("names several hosts with their ports", () => {
    const host = "a.example.com:27017,b.example.com:27018";
    expect(connectionString({ ...LEAST, scheme: "mongodb", host })).toMatch(
      /^mongodb:\/\/a\.example\.com:27017,b\.example\.com:27018\/\?auth/,
    );
  });

  test("does not double the slash at the end of the mount path", () => {
    expect(connectionString({ ...LEAST, mountPath: "/etc/mongodb/" })).toBe(connectionString(LEAST));
  });

  test("encodes what has a meaning in a query", () => {
    const text = connectionString({ ...LEAST, mountPath: "/run/a b+c&d=e%/ü", options: { appName: "x&tls=false #1" } });
    expect(text).toContain("tlsCertificateKeyFile=/run/a%20b%2Bc%26d%3De%25/%C3%BC/tls-combined.pem");
    expect(text).toMatch(/&appName=x%26tls%3Dfalse%20%231$/);
  });

  test("is the same whatever the order of the options", () => {
    const options = { w: "majority", appName: "orders", retryWrites: "true" };
    const reversed = Object.fromEntries(Object.entries(options).toReversed());
    expect(connectionString({ ...LEAST, options })).toMatch(/&appName=orders&retryWrites=true&w=majority$/);
    expect(connectionString({ ...LEAST, options: reversed })).toBe(connectionString({ ...LEAST, options }));
  });
});

test("nothing is added to the pair if the spec asks for nothing", () => {
  expect([wantedExtras({}), desiredExtras({})]).toEqual([[], {}]);
});
