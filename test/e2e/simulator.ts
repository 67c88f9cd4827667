import { kubectl } from "./commands.ts";

/** Runs in the simulator's pod, where its controls are: on the loopback address, port 8082. */
const ASK = `
  const [path, method, body] = process.argv.slice(1);
  const answer = await fetch("http://127.0.0.1:8082" + path, { method, body: body || undefined });
  process.stdout.write(await answer.text());
  process.exit(answer.ok ? 0 : 1);
`;

export interface SimulatedCertificate {
  readonly serialNumber: string;
  readonly notAfter: string;
}

/** The controls of a simulator that runs as a Deployment. */
export class SimulatorControls {
  readonly #namespace: string;
  readonly #deployment: string;

  constructor(namespace: string, deployment: string) {
    this.#namespace = namespace;
    this.#deployment = deployment;
  }

  /** One request to the controls; `GET /` there lists them. */
  ask(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<string> {
    return kubectl(
      ...["exec", "--namespace", this.#namespace, `deployment/${this.#deployment}`, "--"],
      ...["/usr/bin/node", "--input-type=module", "--eval", ASK, "--", path, method],
      ...(body === undefined ? [] : [JSON.stringify(body)]),
    );
  }

  /** Creates that were answered or are on the way, of one user or of all. */
  async creates(username?: string): Promise<number> {
    const text = await this.ask("GET", "/requests?operation=createDatabaseUserCertificate");
    const { requests }: { requests: { username?: string }[] } = JSON.parse(text);
    return requests.filter((request) => username === undefined || request.username === username).length;
  }

  /** All certificates that a user ever got. */
  async certificates(username: string): Promise<SimulatedCertificate[]> {
    const path = `/projects/32b6e34b3d91647abb20e7b8/users/${encodeURIComponent(username)}/certificates`;
    return JSON.parse(await this.ask("GET", path)).certificates;
  }
}
