import { TransportFailure } from "../transport/transport-failure.ts";

/** The TransportFailure that the promise rejects with. */
export async function transportFailureOf(promise: Promise<unknown>): Promise<TransportFailure> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof TransportFailure) return error;
  throw new Error("it did not fail as expected", { cause: error });
}
