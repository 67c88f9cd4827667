import type { UserCertificateStatus } from "../../api/user-certificate-status.ts";
import { reconciled, refused, settled, statusAfter } from "../../controllers/user-certificate/testing/snapshots.ts";

/** Issued for a user that Atlas then no longer had. */
export const USER_MISSING: UserCertificateStatus = statusAfter(
  reconciled(
    settled({
      atlas: refused("UserNotFound", {
        problem: "Atlas has no database user.",
        remedy: "Create it.",
        needsPerson: true,
      }),
      secret: { kind: "absent" },
    }),
  ),
);
