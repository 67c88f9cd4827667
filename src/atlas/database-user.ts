import * as z from "zod";

/** The part of a database user that decides whether Atlas issues certificates for it. */
export interface DatabaseUser {
  /** Atlas issues certificates for users of type `MANAGED` alone; absent or `NONE` without X.509. */
  readonly x509Type: string | undefined;
  /** When Atlas answered, by its own clock (`Date` header); undefined when the answer had no date. */
  readonly answeredAt: Date | undefined;
}

/** `CloudDatabaseUser` of the Atlas specification, which requires no type. */
export const databaseUser = z
  .object({ x509Type: z.string().nullish() })
  .transform(({ x509Type }): Omit<DatabaseUser, "answeredAt"> => ({ x509Type: x509Type ?? undefined }));
