import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { MESSAGES, messagesPage } from "../deploy/generate/messages/page.ts";
import { projectSamples } from "../deploy/generate/messages/project-samples.ts";
import { removalSamples } from "../deploy/generate/messages/removal-samples.ts";
import type { Sample } from "../deploy/generate/messages/samples.ts";
import { type Reason, userCertificateSamples } from "../deploy/generate/messages/user-certificate.ts";
import { BLOCKED_REASONS, EVENT_REASONS, ISSUE_REASONS, RESTART_REASONS } from "../src/api/reasons.ts";
import { RUN_FLAGS } from "../src/command/run.ts";
import { SIMULATE_FLAGS } from "../src/simulator/command-flags.ts";

const ROOT = path.join(import.meta.dirname, "..");
let page: string;
let samples: Awaited<ReturnType<typeof userCertificateSamples>>;

beforeAll(async () => {
  page = await messagesPage();
  samples = await userCertificateSamples();
});

test("docs/messages.md is current", () => {
  const committed = readFileSync(path.join(ROOT, MESSAGES), "utf8");
  expect(committed === page, `${MESSAGES} is out of date: run "make messages" and commit it`).toBe(true);
});

describe("docs/messages.md shows", () => {
  test.each([...ISSUE_REASONS, ...BLOCKED_REASONS, ...RESTART_REASONS])("a condition with the reason %s", (reason) => {
    const conditions = samples[reason].flatMap((sample) => sample.conditions);
    expect(conditions.map((condition) => condition.reason)).toContain(reason);
  });

  const events: readonly Reason[] = EVENT_REASONS;
  test.each(events)("an Event with the reason %s", (reason) => {
    expect(samples[reason].flatMap((sample) => sample.events).map((event) => event.reason)).toContain(reason);
  });

  test.each(Object.keys({ ...RUN_FLAGS, ...SIMULATE_FLAGS }))("the flag --%s", (name) => {
    expect(page).toMatch(new RegExp(`^\\| \`--${name}[=\`]`, "m"));
  });

  test.each(metricNames())("the metric %s", (name) => {
    expect(page).toMatch(new RegExp(`^\\| \`${name}\` \\|`, "m"));
  });
});

const REASONS: readonly Reason[] = [
  ...new Set([...ISSUE_REASONS, ...BLOCKED_REASONS, ...RESTART_REASONS, ...EVENT_REASONS]),
];

test.each(REASONS)("Ready, Issuing and Stalled say different things for %s", (reason) => {
  for (const { title, conditions } of samples[reason]) {
    const messages = conditions.map(({ message }) => message);
    expect(new Set(messages).size, `${title}: ${messages.join(" | ")}`).toBe(messages.length);
  }
});

test.each(REASONS)("the status shows that a person has to act exactly if one has to for %s", (reason) => {
  for (const { title, action } of samples[reason]) {
    expect(action?.reason !== undefined, title).toBe(action?.isNeeded ?? false);
  }
});

describe("every message consists of whole sentences, none of them twice, for the reasons of", () => {
  test.each<readonly [kind: string, () => Promise<Readonly<Record<string, readonly Sample[]>>>]>([
    ["AtlasUserCertificate", userCertificateSamples],
    ["AtlasProjectX509", projectSamples],
    ["AtlasCustomerX509Removal", removalSamples],
  ])("%s", async (_kind, samplesOf) => {
    for (const { conditions, events } of Object.values(await samplesOf()).flat()) {
      for (const message of [...conditions.map((one) => one.message), ...events.map((one) => one.note)]) {
        // The rest is a command.
        const [text = ""] = message.split("\n");
        expect(text).toMatch(/^\S(?!.*(?: {2}|\.\.|\. \.)).*[.]$/);
        const sentences = text.split(/(?<=[.;]) (?=\w)/).map((sentence) => sentence.toLowerCase().replace(/[.;]$/, ""));
        expect(new Set(sentences).size, message).toBe(sentences.length);
      }
    }
  });

  test.each([
    ["AtlasProjectX509", projectSamples],
    ["AtlasCustomerX509Removal", removalSamples],
  ])("%s, each of which a sample shows", async (_kind, samplesOf) => {
    for (const [reason, ofReason] of Object.entries(await samplesOf())) {
      for (const { title, conditions } of ofReason) {
        expect(new Set(conditions.map((condition) => condition.reason)), title).toEqual(new Set([reason]));
      }
    }
  });
});

/** Every metric that the sources name. */
function metricNames(): readonly string[] {
  const folder = path.join(ROOT, "src");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (file) => file.endsWith(".ts") && !file.endsWith(".test.ts"),
  );
  const texts = files.map((file) => readFileSync(path.join(folder, file), "utf8"));
  return [...new Set(texts.flatMap((text) => text.match(/(?<=")atlascerts_\w+(?=")/g) ?? []))].toSorted();
}
