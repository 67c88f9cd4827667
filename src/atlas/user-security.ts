import * as z from "zod";

/** The X.509 side of a project's user security settings. Its LDAP side holds passwords and is left out. */
export interface UserSecurity {
  readonly customerX509: {
    /** PEM certificates of the customer's own CAs. Set exactly when customer-managed X.509 is on. */
    readonly cas?: string;
  };
  /** When Atlas answered, by its own clock (`Date` header); undefined when the answer had no date. */
  readonly answeredAt: Date | undefined;
}

/** `UserSecurity` of the Atlas specification. An empty text means none, as an absent one does. */
export const userSecurity = z.object({ customerX509: z.object({ cas: z.string().nullish() }).nullish() }).transform(
  ({ customerX509 }): Omit<UserSecurity, "answeredAt"> => ({
    customerX509: customerX509?.cas ? { cas: customerX509.cas } : {},
  }),
);
