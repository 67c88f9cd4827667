import type { ServerResponse } from "node:http";
import type { KubeObject, ResourceType } from "../resource-type.ts";
import { LocalServer, type SeenRequest, sendJson, sendStatus } from "./local-server.ts";

export interface Widget extends KubeObject {
  readonly spec: { readonly size: number };
}

export const WIDGETS: ResourceType<Widget> = {
  group: "example.org",
  version: "v1",
  plural: "widgets",
  kind: "Widget",
  namespaced: true,
};

interface Change {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: Widget;
}

/** Answers a request in some wrong way. */
export type Fault = (response: ServerResponse, request: SeenRequest) => void;

/** An answer of the API server that says why it does not do what was asked. */
export function refusal(code: number, reason: string, headers: Readonly<Record<string, string>> = {}): Fault {
  return (response) => sendStatus(response, code, reason, undefined, headers);
}

/** Lists and watches of one kind over HTTP, the way the API server does them, with faults on demand. */
export class WidgetServer implements AsyncDisposable {
  readonly #server: LocalServer;
  readonly #objects = new Map<string, Widget>();
  readonly #history: Change[] = [];
  readonly #watches = new Set<ServerResponse>();
  readonly #faults: Record<"list" | "watch", Fault[]> = { list: [], watch: [] };
  #version = 100;
  #compacted = 0;
  #uids = 0;

  private constructor(server: LocalServer) {
    this.#server = server;
    server.answer = (request, response) => this.#answer(request, response);
  }

  static async start(): Promise<WidgetServer> {
    return new WidgetServer(await LocalServer.start());
  }

  get http(): LocalServer {
    return this.#server;
  }

  get version(): string {
    return String(this.#version);
  }

  get watching(): number {
    return this.#watches.size;
  }

  lists(): readonly SeenRequest[] {
    return this.#server.requests.filter((request) => !request.url.includes("watch=1"));
  }

  watches(): readonly SeenRequest[] {
    return this.#server.requests.filter((request) => request.url.includes("watch=1"));
  }

  put(name: string, size = 1): Widget {
    const previous = this.#objects.get(name);
    this.#version += 1;
    if (previous === undefined) {
      this.#uids += 1;
    }
    const object: Widget = {
      metadata: {
        name,
        namespace: "n",
        uid: previous?.metadata.uid ?? `uid-${this.#uids}`,
        resourceVersion: this.version,
      },
      spec: { size },
    };
    this.#objects.set(name, object);
    this.#tell({ type: previous === undefined ? "ADDED" : "MODIFIED", object });
    return object;
  }

  remove(name: string): void {
    const previous = this.#objects.get(name);
    if (previous === undefined) {
      throw new Error(`there is no ${name}`);
    }
    this.#version += 1;
    this.#objects.delete(name);
    const metadata = { ...previous.metadata, resourceVersion: this.version };
    this.#tell({ type: "DELETED", object: { ...previous, metadata } });
  }

  /** Forgets the history: a watch from an older resourceVersion gets 410. */
  compact(): void {
    this.#compacted = this.#version;
    this.#history.length = 0;
  }

  /** Everything is as it was at this version, as after a restore from a backup. Objects are given as they were. */
  restore(version: string, objects: readonly Widget[]): void {
    this.#version = Number(version);
    this.#history.length = 0;
    this.#objects.clear();
    for (const object of objects) {
      this.#objects.set(object.metadata.name, object);
    }
  }

  bookmark(): void {
    this.#version += 10;
    this.writeLine({ type: "BOOKMARK", object: { metadata: { resourceVersion: this.version } } });
  }

  /** Writes something to every watch. */
  writeLine(line: unknown): void {
    this.writeRaw(`${JSON.stringify(line)}\n`);
  }

  writeRaw(text: string): void {
    for (const watch of this.#watches) {
      watch.write(text);
    }
  }

  /** Ends every watch in good order. */
  endWatches(): void {
    for (const watch of this.#watches) {
      watch.end();
    }
  }

  cutWatches(): void {
    for (const watch of this.#watches) {
      watch.destroy();
    }
  }

  /** The next list or watch goes wrong like this; several are taken in order. */
  failNext(what: "list" | "watch", ...faults: readonly Fault[]): void {
    this.#faults[what].push(...faults);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop();
  }

  #answer(request: SeenRequest, response: ServerResponse): void {
    const query = new URL(request.url, "http://server").searchParams;
    const what = query.has("watch") ? "watch" : "list";
    const fault = this.#faults[what].shift();
    if (fault !== undefined) {
      fault(response, request);
    } else if (what === "watch") {
      this.#watch(Number(query.get("resourceVersion")), response);
    } else {
      this.#list(Number(query.get("limit") ?? 0), query.get("continue"), response);
    }
  }

  #list(limit: number, token: string | null, response: ServerResponse): void {
    const from = Number(token ?? 0);
    const all = [...this.#objects.values()];
    const to = limit > 0 ? from + limit : all.length;
    sendJson(response, 200, {
      kind: "WidgetList",
      metadata: { resourceVersion: this.version, ...(to < all.length && { continue: String(to) }) },
      items: all.slice(from, to),
    });
  }

  #watch(from: number, response: ServerResponse): void {
    if (from < this.#compacted) {
      sendStatus(response, 410, "Expired");
      return;
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    for (const change of this.#history) {
      if (Number(change.object.metadata.resourceVersion) > from) {
        response.write(`${JSON.stringify(change)}\n`);
      }
    }
    this.#watches.add(response);
    response.on("close", () => this.#watches.delete(response));
  }

  #tell(change: Change): void {
    this.#history.push(change);
    this.writeLine(change);
  }
}
