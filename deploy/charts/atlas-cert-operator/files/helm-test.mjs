// What `helm test` runs in a pod of its own: is the operator ready, and does it answer for what it is asked for?
// HEALTH_URL, METRICS_URL and SIMULATOR_URL say where; what is not set is not there to be tested.
const LIMIT_MS = 60_000;

/** A Service takes a moment to know of a pod that has just become ready. */
async function expectAnswer(url, isGood) {
  const deadlineMs = Date.now() + LIMIT_MS;
  for (;;) {
    let seen;
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
      const body = await response.text();
      if (isGood(response.status, body)) {
        process.stdout.write(`ok: ${url} answers ${response.status}\n`);
        return;
      }
      seen = `${response.status}\n${body.slice(0, 2_000)}`;
    } catch (error) {
      seen = `${error.message} (${error.cause?.message ?? "no cause given"})`;
    }
    if (Date.now() > deadlineMs) {
      process.stdout.write(`FAILED: ${url}: ${seen}\n`);
      process.exit(1);
    }
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

const { HEALTH_URL, METRICS_URL, SIMULATOR_URL } = process.env;
if (HEALTH_URL) await expectAnswer(`${HEALTH_URL}/readyz?verbose`, (status) => status === 200);
if (METRICS_URL) {
  await expectAnswer(`${METRICS_URL}/metrics`, (status, body) => status === 200 && body.includes("atlascerts_"));
}
// Without credentials it has to refuse.
if (SIMULATOR_URL) await expectAnswer(`${SIMULATOR_URL}/api/atlas/v2/rateLimits`, (status) => status === 401);
