/** The source of a program that uses everything that the library exports, rightly and wrongly. */
export const STRICT = `
  import {
    AtlasError, type AtlasErrorKind, AtlasTransport, type CertificatePage, checkIssued, type Clock,
    DEFAULT_BASE_URL, DEFAULT_RATE_LIMITS, Pacer, parseCredentials, readExtraCaFile, readPemBundle, renewalTime,
    type IssuedCertificate, SensitiveText, type UserSecurity, X509AuthenticationApi,
  } from "atlas-x509";

  const clock: Clock = { now: () => 0, monotonic: () => 0, sleep: async () => {} };
  await using transport = new AtlasTransport({ baseUrl: DEFAULT_BASE_URL, extraCa: await readExtraCaFile("ca.pem") });
  const api = new X509AuthenticationApi({
    credentials: { kind: "apiKeys", publicApiKey: "abcdefgh", privateApiKey: new SensitiveText("x") },
    transport,
    pacer: new Pacer({ clock, limits: DEFAULT_RATE_LIMITS }),
  });
  const user = { groupId: "32b6e34b3d91647abb20e7b8", username: "orders-api" };
  const pem: SensitiveText = await api.createDatabaseUserCertificate(user, { signal: AbortSignal.timeout(1000) });
  const page: CertificatePage = await api.listDatabaseUserCertificates({ ...user, includeCount: true });
  const first: IssuedCertificate | undefined = page.results[0];
  const serial: string | undefined = first?.serialNumber;
  const settings: UserSecurity = await api.disableCustomerManagedX509({ groupId: user.groupId });
  const { answeredAt } = await api.listAllDatabaseUserCertificates(user);
  const atAtlas: Date | undefined = answeredAt;

  const parsed = parseCredentials(process.env);
  const text: string = parsed.ok ? parsed.credentials.kind : parsed.problem;

  const read = readPemBundle(pem);
  if (!read.ok) throw new Error(read.problem);
  const wrong: string | undefined = checkIssued(read.pair.facts, { ...user, monthsUntilExpiration: 3 }, Date.now());
  const due: Date = renewalTime(read.pair.facts, { kind: "percentage", percentage: 25 });

  export function advise(error: AtlasError): string {
    const kind: AtlasErrorKind = error.kind;
    switch (kind) {
      case "credentials": case "role": case "accessList": case "userNotFound": case "projectNotFound":
      case "customerManagedOn": case "certificateLimit": case "badRequest":
        return error.requiredRole ?? error.message;
      case "rateLimited": case "unavailable":
        return String(error.retryAfterMs);
      case "ambiguous": case "badAnswer": case "aborted":
        return error.operation;
      default:
        throw new Error(kind satisfies never);
    }
  }
  export { atAtlas, due, pem, serial, settings, text, wrong };

  // @ts-expect-error: there is no such kind
  if (new AtlasError({ kind: "badRequest", operation: "authenticate", problem: "" }).kind === "teapot") {}
  // @ts-expect-error: a user is named by project and name
  api.listDatabaseUserCertificates({ username: "orders-api" });
  // @ts-expect-error: what is read can't be changed
  page.results.push(first);
  // @ts-expect-error: a secret is no text
  const leaked: string = pem;
`;
