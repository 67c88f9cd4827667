import { expect, test } from "vitest";
import { type Check, Health } from "./health.ts";

const good: Check = { name: "roof", problem: () => undefined };
const bad: Check = { name: "cellar", problem: () => "it is wet" };

function health(checks: readonly Check[], changes: [string, string | undefined][] = []): Health {
  return new Health({ name: "housez", checks, onChange: (check, problem) => changes.push([check, problem]) });
}

function ask(endpoint: Health, query = ""): readonly [number, string] {
  const { status, body } = endpoint.answer(new URLSearchParams(query));
  return [status, body];
}

test("is ok in a word while all is well", () => {
  expect(ask(health([good]))).toEqual([200, "ok"]);
});

test("names each check when it is asked to", () => {
  expect(ask(health([good]), "verbose")).toEqual([200, "[+]roof ok\nhousez check passed\n"]);
});

test("fails with one check, and says why without being asked", () => {
  expect(ask(health([good, bad]))).toEqual([500, "[+]roof ok\n[-]cellar failed: it is wet\nhousez check failed\n"]);
});

test("leaves out what is excluded, and warns of an exclusion of nothing", () => {
  expect(ask(health([good, bad]), "verbose&exclude=cellar&exclude=attic")).toEqual([
    200,
    '[+]roof ok\n[+]cellar excluded: ok\nwarn: can\'t exclude "attic": there is no such check\nhousez check passed\n',
  ]);
});

test("reports a change once, in both directions", () => {
  let problem: string | undefined;
  const changes: [string, string | undefined][] = [];
  const endpoint = health([{ name: "roof", problem: () => problem }], changes);
  ask(endpoint);
  problem = "it leaks";
  ask(endpoint);
  ask(endpoint);
  problem = undefined;
  ask(endpoint);
  ask(endpoint);
  expect(changes).toEqual([
    ["roof", "it leaks"],
    ["roof", undefined],
  ]);
});
