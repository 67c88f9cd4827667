import { describe, expect, test } from "vitest";
import { KubeError } from "../kube-error.ts";
import type { KubeObject } from "../resource-type.ts";
import { clientRig, collect, failure, WIDGETS, widget } from "../testing/client-rig.ts";
import type { Answer } from "../testing/local-server.ts";

/** Answers lists of objects of these sizes, page by page. */
function lists(sizes: readonly number[]): Answer {
  return ({ url }, response) => {
    const query = new URL(url, "http://127.0.0.1").searchParams;
    const from = Number(query.get("continue") ?? 0);
    const limit = Number(query.get("limit") ?? 0);
    const to = limit === 0 ? sizes.length : Math.min(sizes.length, from + limit);
    const items = sizes.slice(from, to).map((size, index) => {
      const name = `w${from + index}`;
      return { metadata: { ...widget.metadata, name, labels: { filler: "x".repeat(size) } } };
    });
    const metadata = { resourceVersion: "7", ...(to < sizes.length && { continue: String(to) }) };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ apiVersion: "example.org/v1", kind: "WidgetList", metadata, items }));
  };
}

async function listed(sizes: readonly number[], options: { readonly limit?: number } = {}) {
  await using rig = await clientRig({ maxPageBytes: 40_000 });
  rig.server.answer = lists(sizes);
  const names: string[] = [];
  const skipped: string[] = [];
  for await (const page of rig.client.list(WIDGETS, options)) {
    names.push(...page.items.map(({ metadata }) => metadata.name));
    skipped.push(...page.skipped);
  }
  return { names, skipped, requests: rig.server.requests.length };
}

const ALL = (count: number) => Array.from({ length: count }, (_, index) => `w${index}`);

describe("a page that is too large", () => {
  test("is asked for again with fewer objects, and every object comes once", async () => {
    const { names, skipped } = await listed(Array.from({ length: 30 }, () => 9000));
    expect([names, skipped]).toEqual([ALL(30), []]);
  });

  test("is read to its end if everything was asked for at once", async () => {
    const { names, requests } = await listed(
      Array.from({ length: 30 }, () => 9000),
      { limit: 0 },
    );
    expect([names, requests]).toEqual([ALL(30), 1]);
  });

  test("makes the pages behind it larger again once its objects are small", async () => {
    const sizes = [...Array.from({ length: 4 }, () => 30_000), ...Array.from({ length: 396 }, () => 10)];
    const { names, requests } = await listed(sizes);
    expect(names).toEqual(ALL(400));
    expect(requests).toBeLessThan(30);
  });

  test("is skipped and named if a single object makes it so, and the others come", async () => {
    const { names, skipped } = await listed([10, 100_000, 10, 10]);
    expect([names, skipped]).toEqual([["w0", "w2", "w3"], ["w1"]]);
  });
});

test("of each object what is to be kept is taken as it arrives, before the list has ended", async () => {
  await using rig = await clientRig();
  const head = `{"kind":"WidgetList","items":[${JSON.stringify(widget)},`;
  const kept = Promise.withResolvers<string>();
  rig.server.answer = (_request, response) => {
    response.setHeader("content-type", "application/json").write(head);
    void kept.promise.then(() => response.end(`${JSON.stringify(widget)}],"metadata":{"resourceVersion":"7"}}`));
  };
  const keep = ({ metadata: { name } }: KubeObject) => {
    kept.resolve(name);
    return name;
  };
  expect(await collect(rig.client.list(WIDGETS, { keep }))).toEqual([
    { items: ["a", "a"], resourceVersion: "7", skipped: [] },
  ]);
});

test("an error of what takes an object's part ends the list", async () => {
  await using rig = await clientRig();
  rig.server.answer = lists([1, 1]);
  const keep = () => {
    throw new KubeError({ reason: "BadAnswer", operation: "list", explanation: "no" });
  };
  await expect(collect(rig.client.list(WIDGETS, { keep }))).rejects.toThrow("no");
});

test("an answer that is no list is not read on and on", async () => {
  await using rig = await clientRig({ maxPageBytes: 40_000 });
  rig.server.answer = (_request, response) => {
    response.setHeader("content-type", "application/json").write('{"kind":"');
    const more = () => response.destroyed || response.write("x".repeat(10_000), () => setImmediate(more));
    more();
  };
  expect((await failure(collect(rig.client.list(WIDGETS)))).reason).toBe("BadAnswer");
});
