import { describe, expect, test } from "vitest";
import { SECRETS } from "../core-types.ts";
import { clientRig, collect, failure, WIDGETS, widget } from "../testing/client-rig.ts";
import { sendJson } from "../testing/local-server.ts";
import { KubeClient } from "./kube-client.ts";
import type { KubeExchange } from "./request-sender.ts";

describe("requests", () => {
  const ref = { namespace: "n", name: "a" };
  const cases: [string, (client: KubeClient) => Promise<unknown>, object][] = [
    [
      "get asks for one object",
      (client) => client.get(WIDGETS, ref),
      { method: "GET", url: "/apis/example.org/v1/namespaces/n/widgets/a", accept: "application/json" },
    ],
    [
      "get encodes what stands in the path",
      (client) => client.get(SECRETS, { namespace: "n/../x", name: "a b?" }),
      { method: "GET", url: "/api/v1/namespaces/n%2F..%2Fx/secrets/a%20b%3F" },
    ],
    [
      "metadata only is asked for by the Accept header",
      (client) => client.get(SECRETS, ref, { metadataOnly: true }),
      { accept: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1" },
    ],
    [
      "create posts the object with its apiVersion and kind",
      (client) => client.create(WIDGETS, { metadata: { name: "a", namespace: "n" }, spec: { x: 1 } }),
      {
        method: "POST",
        url: "/apis/example.org/v1/namespaces/n/widgets?fieldValidation=Ignore",
        contentType: "application/json",
        body: { apiVersion: "example.org/v1", kind: "Widget", metadata: { name: "a", namespace: "n" }, spec: { x: 1 } },
      },
    ],
    [
      "a dry run says so and names the field manager",
      (client) =>
        client.create(WIDGETS, { metadata: { name: "a", namespace: "n" } }, { dryRun: true, fieldManager: "m" }),
      { url: "/apis/example.org/v1/namespaces/n/widgets?dryRun=All&fieldManager=m&fieldValidation=Ignore" },
    ],
    [
      "a merge patch of the status goes to the subresource with its precondition",
      (client) =>
        client.mergePatch(WIDGETS, ref, { metadata: { resourceVersion: "7" }, status: {} }, { subresource: "status" }),
      {
        method: "PATCH",
        url: "/apis/example.org/v1/namespaces/n/widgets/a/status?fieldValidation=Ignore",
        contentType: "application/merge-patch+json",
        body: { metadata: { resourceVersion: "7" }, status: {} },
      },
    ],
  ];
  test.each(cases)("%s", async (_name, call, expected) => {
    await using r = await clientRig();
    await call(r.client);
    const [seen] = r.server.requests;
    expect({
      method: seen?.method,
      url: seen?.url,
      accept: seen?.headers.accept,
      contentType: seen?.headers["content-type"],
      body: seen?.body ? JSON.parse(seen.body) : undefined,
    }).toMatchObject(expected);
  });

  test("a review is answered although it is stored nowhere", async () => {
    const review = { kind: "Review", metadata: { creationTimestamp: null }, status: { allowed: true } };
    await using r = await clientRig();
    r.server.answer = (_request, response) => sendJson(response, 201, review);
    const reviews = { ...WIDGETS, group: "authorization.k8s.io" };
    await expect(r.client.create(reviews, { metadata: {} })).resolves.toMatchObject({ status: { allowed: true } });
    expect((await failure(r.client.create(WIDGETS, { metadata: {} }))).reason).toBe("BadAnswer");
  });

  test("the User-Agent names the product", async () => {
    await using r = await clientRig();
    await r.client.get(WIDGETS, ref);
    expect(r.server.requests[0]?.headers["user-agent"]).toBe("product/1.0");
  });

  test("a path prefix of the server stays", async () => {
    await using r = await clientRig();
    const kubeConfig = { ...r.server.kubeConfig, server: new URL("k8s/clusters/c-1/", r.server.kubeConfig.server) };
    const client = new KubeClient({ kubeConfig, userAgent: "p" });
    await client.get(WIDGETS, ref);
    await client.close();
    expect(r.server.requests[0]?.url).toBe("/k8s/clusters/c-1/apis/example.org/v1/namespaces/n/widgets/a");
  });

  test("calls one after the other share a connection", async () => {
    await using r = await clientRig();
    for (let call = 0; call < 20; call += 1) {
      await r.client.get(WIDGETS, ref);
    }
    expect(r.server.connections).toBe(1);
  });

  test("calls at the same time open no more connections than allowed", async () => {
    await using r = await clientRig({ maxConnections: 3 });
    await Promise.all(Array.from({ length: 30 }, () => r.client.get(WIDGETS, ref)));
    expect(r.server.connections).toBe(3);
  });

  test("an urgent call does not wait for a connection", async () => {
    await using r = await clientRig({ maxConnections: 1 });
    r.server.answer = (request, response) => {
      if (request.url.endsWith("/urgent")) {
        sendJson(response, 200, widget);
      }
    };
    const slow = r.client.get(WIDGETS, { namespace: "n", name: "slow" }).catch(() => "ended");
    await r.client.get(WIDGETS, { namespace: "n", name: "urgent" }, { urgent: true });
    await r.client.close();
    await expect(slow).resolves.toBe("ended");
  });
});

describe("list", () => {
  function page(names: readonly string[], token: string | undefined) {
    const items = names.map((name) => ({ metadata: { ...widget.metadata, name } }));
    return { kind: "WidgetList", metadata: { resourceVersion: "9", continue: token }, items };
  }

  test("goes through all pages by their tokens", async () => {
    await using r = await clientRig();
    r.server.answer = (request, response) =>
      sendJson(response, 200, request.url.includes("continue=") ? page(["c"], "") : page(["a", "b"], "to/ken"));
    const names: string[] = [];
    for await (const { items } of r.client.list(WIDGETS, { labelSelector: "x=y", limit: 2 })) {
      names.push(...items.map((item) => item.metadata.name));
    }
    expect([names, r.server.requests.map((request) => request.url)]).toEqual([
      ["a", "b", "c"],
      [
        "/apis/example.org/v1/widgets?labelSelector=x%3Dy&limit=2",
        "/apis/example.org/v1/widgets?labelSelector=x%3Dy&limit=2&continue=to%2Fken",
      ],
    ]);
  });

  const bad: [string, unknown][] = [
    ["an object that is no list", widget],
    ["a kind that is no list", { kind: "Widget", metadata: { resourceVersion: "1" }, items: [] }],
    ["a list without a resourceVersion", { kind: "WidgetList", metadata: {}, items: [] }],
    ["items that are no objects", { kind: "WidgetList", metadata: { resourceVersion: "1" }, items: [{}] }],
    ["items that are no array", { kind: "WidgetList", metadata: { resourceVersion: "1" }, items: {} }],
  ];
  test.each(bad)("%s is a bad answer", async (_name, body) => {
    await using r = await clientRig();
    r.server.answer = (_request, response) => sendJson(response, 200, body);
    expect((await failure(collect(r.client.list(WIDGETS)))).reason).toBe("BadAnswer");
  });

  test("null for the items of an empty list is an empty list", async () => {
    await using r = await clientRig();
    r.server.answer = (_request, response) =>
      sendJson(response, 200, { kind: "WidgetList", metadata: { resourceVersion: "1" }, items: null });
    const pages = await collect(r.client.list(WIDGETS));
    expect(pages).toEqual([{ items: [], resourceVersion: "1", skipped: [] }]);
  });
});

describe("for metrics", () => {
  const ref = { namespace: "n", name: "a" };

  test("each request that is sent is told with its verb and its status, a refused one too", async () => {
    const told: KubeExchange[] = [];
    await using rig = await clientRig({ onExchange: (exchange) => told.push(exchange) });
    await rig.client.get(WIDGETS, ref);
    rig.server.answer = (_request, response) =>
      sendJson(response, 409, { kind: "Status", reason: "Conflict", message: "it has changed", code: 409 });
    await failure(rig.client.mergePatch(WIDGETS, ref, { metadata: {} }));
    expect(told).toEqual([
      { verb: "get", code: 200 },
      { verb: "patch", code: 409 },
    ]);
  });

  test("a request without an answer is told without a status", async () => {
    const told: KubeExchange[] = [];
    await using rig = await clientRig({ onExchange: (exchange) => told.push(exchange) });
    rig.server.answer = (_request, response) => response.destroy();
    await failure(rig.client.create(WIDGETS, { metadata: ref }));
    expect(told).toEqual([{ verb: "create", code: undefined }]);
  });
});
