import { expect, test } from "vitest";
import { issuePair } from "../../../certificate/testing.ts";
import { issuance, NOW, resource } from "../testing/snapshots.ts";
import { ParkedCertificates } from "./parked-certificates.ts";

test("a certificate that is being written for the first time counts as waiting only once its write was refused", async () => {
  const parked = new ParkedCertificates();
  const waiting = parked.add(resource(), issuance(), await issuePair());
  expect([parked.size, parked.refused.length, parked.refusedIn("shop")]).toEqual([1, 0, 0]);
  parked.noteFailure(waiting, NOW, 0);
  expect([parked.size, parked.refused.length, parked.refusedIn("shop"), parked.refusedIn("billing")]).toEqual([
    1, 1, 1, 0,
  ]);
});
