import { describe, expect, test } from "vitest";
import { prettyJson } from "./pretty-json.ts";
import { call, certsPath, create, PRODUCTION, startSimulated } from "./testing.ts";

const SECURITY = `/api/atlas/v2/groups/${PRODUCTION}/userSecurity`;

describe("pretty", () => {
  test("prints JSON over several lines, with numbers beyond 2^53 as they are", () => {
    const compact = '{"a":[{"_id":3913359343839382396,"b":"x:{,\\"}"},{}],"c":[],"d":[1,2],"e":null}';
    expect(prettyJson(compact)).toBe(
      [
        "{",
        '  "a" : [ {',
        '    "_id" : 3913359343839382396,',
        '    "b" : "x:{,\\"}"',
        "  }, { } ],",
        '  "c" : [ ],',
        '  "d" : [ 1, 2 ],',
        '  "e" : null',
        "}",
      ].join("\n"),
    );
  });

  test.each([
    ["an answer", SECURITY, /^\{\n {2}"customerX509" : \{ \},\n/],
    ["an error", certsPath("unknown"), /^\{\n {2}"detail" : "No user/],
  ])("prints %s so", async (_, path, text) => {
    const { url } = await startSimulated();
    expect(await (await call(url, `${path}?pretty=true`)).text()).toMatch(text);
  });

  test("leaves a PEM alone", async () => {
    const { url } = await startSimulated();
    expect(await (await create(url, 3, `${certsPath()}?pretty=true`)).text()).toMatch(/^-----BEGIN CERTIFICATE-----\n/);
  });
});

describe("envelope", () => {
  test("puts the status beside the fields of a list", async () => {
    const { url } = await startSimulated();
    const response = await call(url, `${certsPath()}?envelope=true`);
    expect(await response.json()).toEqual({ links: [expect.anything()], results: [], status: 200, totalCount: 0 });
  });

  test.each([
    ["an object", SECURITY, { envelope: expect.objectContaining({ customerX509: {} }), status: 200 }],
    ["an error", certsPath("unknown"), { envelope: expect.objectContaining({ error: 404 }), status: 404 }],
  ])("is put around %s", async (_, path, body) => {
    const { url } = await startSimulated();
    expect(await (await call(url, `${path}?envelope=true`)).json()).toEqual(body);
  });

  test("takes a PEM as a string", async () => {
    const { url } = await startSimulated();
    expect(await (await create(url, 3, `${certsPath()}?envelope=true`)).json()).toEqual({
      envelope: expect.stringMatching(/^-----BEGIN CERTIFICATE-----\n/),
      status: 201,
    });
  });
});
