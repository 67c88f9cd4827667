import { AtlasError, type AtlasErrorKind } from "../../../atlas/errors/atlas-error.ts";
import type { IssuedCertificate } from "../../../atlas/issued-certificate.ts";
import { issuePem } from "../../../certificate/testing.ts";
import type { Clock } from "../../../clock.ts";
import { SensitiveText } from "../../../sensitive-text.ts";
import type { AtlasApi } from "../../access/atlas-api.ts";
import { calendarOf } from "../atlas/calendar.ts";

/** The fault of a create: an answer of another kind, an error before anything happened, or a lost answer. */
export type CreateFault = { readonly answer: string } | { readonly refuse: AtlasErrorKind } | "answerLost";

interface Issued extends IssuedCertificate {
  readonly username: string;
}

export function atlasError(kind: AtlasErrorKind, retryAfterMs?: number): AtlasError {
  return new AtlasError({
    kind,
    operation: "listDatabaseUserCertificates",
    problem: `Atlas says ${kind}`,
    retryAfterMs,
  });
}

/** An Atlas in memory that issues real certificates. */
export class MemoryAtlas implements AtlasApi {
  /** Every certificate that was issued, the lost ones too. */
  readonly issued: Issued[] = [];
  lists = 0;
  creates = 0;
  /** Asked at each create. */
  createFault: (create: number) => CreateFault | undefined = () => undefined;
  listFault: () => AtlasError | undefined = () => undefined;
  /** PEM of the customer's own CAs, by project: customer-managed X.509 is on there. */
  readonly customerAuthorities = new Map<string, string>();
  /** How often it was asked to switch that off. */
  removals = 0;
  /** Asked at each of those calls: a refusal, or an answer that is lost after the deed or instead of it. */
  removalFault: () => AtlasError | "answerLost" | "requestLost" | undefined = () => undefined;
  securityFault: () => AtlasError | undefined = () => undefined;
  /** How long a certificate lives, in milliseconds. @default as many months of 30 days as were asked for */
  lifetimeMs: number | undefined;
  /** How far this Atlas' clock is ahead of the operator's, in milliseconds. */
  clockOffsetMs = 0;
  readonly #clock: Clock;
  #serial = 0x4000_0000_0000_0000n;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async createDatabaseUserCertificate(
    parameters: Parameters<AtlasApi["createDatabaseUserCertificate"]>[0],
  ): Promise<SensitiveText> {
    const fault = this.createFault(++this.creates);
    if (typeof fault === "object" && "refuse" in fault) throw atlasError(fault.refuse);
    const { groupId, username, userCert } = parameters;
    const now = Math.floor((this.#clock.now() + this.clockOffsetMs) / 1000) * 1000;
    const lifetimeMs = this.lifetimeMs ?? (userCert?.monthsUntilExpiration ?? 3) * 30 * 86_400_000;
    const subject = username.includes("=") ? username : `CN=${username}`;
    const serial = ++this.#serial;
    const validity = { notBefore: new Date(now), notAfter: new Date(now + lifetimeMs) };
    const { bundle } = await issuePem({ subject, serialHex: serial.toString(16), ...validity });
    this.issued.push({
      serialNumber: serial.toString(),
      createdAt: new Date(now - calendarOf().backdatedMs),
      notAfter: validity.notAfter,
      groupId,
      subject,
      username,
    });
    if (fault === "answerLost") throw atlasError("ambiguous");
    return fault === undefined ? bundle : new SensitiveText(fault.answer);
  }

  async getUserSecurity({ groupId }: { readonly groupId: string }): ReturnType<AtlasApi["getUserSecurity"]> {
    const fault = this.securityFault();
    if (fault !== undefined) throw fault;
    const cas = this.customerAuthorities.get(groupId);
    return {
      customerX509: cas === undefined ? {} : { cas },
      answeredAt: new Date(Math.floor((this.#clock.now() + this.clockOffsetMs) / 1000) * 1000),
    };
  }

  async disableCustomerManagedX509(
    parameters: Parameters<AtlasApi["disableCustomerManagedX509"]>[0],
    options: Parameters<AtlasApi["disableCustomerManagedX509"]>[1] = {},
  ): ReturnType<AtlasApi["disableCustomerManagedX509"]> {
    options.beforeSending?.();
    this.removals++;
    const fault = this.removalFault();
    if (fault instanceof AtlasError) throw fault;
    if (fault !== "requestLost") this.customerAuthorities.delete(parameters.groupId);
    if (fault !== undefined) throw atlasError("ambiguous");
    return this.getUserSecurity(parameters);
  }

  async listAllDatabaseUserCertificates(
    parameters: Parameters<AtlasApi["listAllDatabaseUserCertificates"]>[0],
  ): ReturnType<AtlasApi["listAllDatabaseUserCertificates"]> {
    this.lists++;
    const fault = this.listFault();
    if (fault !== undefined) throw fault;
    const { groupId, username } = parameters;
    const now = this.#clock.now() + this.clockOffsetMs;
    const certificates = this.issued.filter(
      (one) => one.groupId === groupId && one.username === username && one.notAfter.getTime() > now,
    );
    return { certificates, answeredAt: new Date(Math.floor(now / 1000) * 1000) };
  }
}
