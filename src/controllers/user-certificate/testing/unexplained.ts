import { HOUR_MS } from "../../../clock.ts";
import type { Process } from "./process.ts";
import type { Scene } from "./scene.ts";
import { PROJECT } from "./snapshots.ts";

/** The work, done by the first call alone. */
export const once = (work: () => Promise<unknown>) => {
  let isDone = false;
  return async () => {
    if (isDone) return;
    isDone = true;
    await work();
  };
};

/** Events about certificates that no one may hold: `resource reason` and the number of the certificate. */
export function told(scene: Scene): readonly string[] {
  const numbers = new Map(scene.atlas.issued.map(({ serialNumber }, index) => [serialNumber, index + 1]));
  return scene.events
    .filter(({ reason }) => ["CertificateOrphaned", "CertificateUnaccountedFor"].includes(reason))
    .map(({ regarding, reason, note }) => {
      const number = numbers.get(/[Cc]ertificate (\d+)/.exec(note)?.[1] ?? "");
      return [regarding.name, reason, ...(number === undefined ? [] : [number])].join(" ");
    });
}

/** A certificate that someone or something else obtains. */
export async function issueElsewhere(scene: Scene, username = "orders-api"): Promise<string> {
  const parameters = { groupId: PROJECT, username, userCert: { monthsUntilExpiration: 3 } };
  await scene.atlas.createDatabaseUserCertificate(parameters);
  return scene.atlas.issued.at(-1)?.serialNumber ?? "";
}

/** Works for a day and a little more, in which every resource is verified several times. */
export function watchForADay(scene: Scene, process: Process, names: readonly string[] = ["orders-api"]): Promise<void> {
  return scene.run(process, { forMs: 28 * HOUR_MS, names });
}
