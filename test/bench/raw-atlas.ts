import { Agent, request } from "node:http";
import { z } from "zod";
import type { Fixtures } from "../../src/simulator/fixtures.ts";
import { http } from "../../src/testing/http.ts";
import { SERVICE_ACCOUNT, type Wanted } from "./fixtures.ts";

/** The project of the raw callers' users. */
export const FLOOR_PROJECT = "32b6e34b3d91647abb20e7b8";
const MEDIA_TYPE = "application/vnd.atlas.2023-01-01+json";
const tokenSchema = z.object({ access_token: z.string() });

/** A user of the raw callers. */
export function floorUser(index: number): string {
  return `floor-${index}`;
}

/** Adds the raw callers' project with this many users to what the simulated Atlas holds. */
export function withFloorProject(fixtures: Fixtures, users: number): Fixtures {
  const names = Array.from({ length: users }, (_, index) => floorUser(index));
  const credentials = fixtures.credentials?.map((one) => ({ ...one, projectIds: [...one.projectIds, FLOOR_PROJECT] }));
  return {
    ...fixtures,
    projects: [...(fixtures.projects ?? []), { id: FLOOR_PROJECT, name: "floor", users: names }],
    ...(credentials && { credentials }),
  };
}

/** The two calls to Atlas of one certificate, from a client that does nothing else. */
export class RawAtlas {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #authorization: string;

  private constructor(url: string, authorization: string) {
    this.#url = url;
    this.#authorization = authorization;
  }

  static async open(url: string): Promise<RawAtlas> {
    const { clientId, clientSecret } = SERVICE_ACCOUNT;
    const headers = { authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}` };
    const body = new URLSearchParams({ grant_type: "client_credentials" });
    const answer = await http.post(new URL("/api/oauth/token", url), { headers, body }).json();
    return new RawAtlas(url, `Bearer ${tokenSchema.parse(answer).access_token}`);
  }

  async list({ projectId, username }: Wanted): Promise<void> {
    await this.#call("GET", `/api/atlas/v2/groups/${projectId}/databaseUsers/${username}/certs?itemsPerPage=500`);
  }

  async create({ projectId, username }: Wanted): Promise<void> {
    const path = `/api/atlas/v2/groups/${projectId}/databaseUsers/${username}/certs`;
    await this.#call("POST", path, JSON.stringify({ monthsUntilExpiration: 3 }));
  }

  close(): void {
    this.#agent.destroy();
  }

  async #call(method: string, path: string, body = ""): Promise<void> {
    const headers = {
      accept: MEDIA_TYPE,
      "content-type": MEDIA_TYPE,
      "content-length": Buffer.byteLength(body),
      authorization: this.#authorization,
    };
    const status = await new Promise<number | undefined>((resolve, reject) => {
      // A create has a connection of its own in the issuing protocol, too.
      const agent = method === "POST" ? false : this.#agent;
      const call = request(new URL(path, this.#url), { method, headers, agent }, (answer) => {
        answer
          .resume()
          .once("end", () => resolve(answer.statusCode))
          .once("error", reject);
      });
      call.once("error", reject).end(body);
    });
    if (status === undefined || status >= 300) throw new Error(`${method} ${path}: ${status}`);
  }
}
