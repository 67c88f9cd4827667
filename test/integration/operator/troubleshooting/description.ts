/** What `kubectl describe` says of an object, without what differs between two runs. */

const PLACEHOLDERS: readonly (readonly [found: RegExp, shown: string])[] = [
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, "<time>"],
  // How long a certificate of a simulated month is still valid.
  [/\b\d+s\b/g, "<duration>"],
  [/\b\d{15,}\b/g, "<serial>"],
  [/\bsha256:[0-9a-f]{64}\b/g, "sha256:<fingerprint>"],
  [/127\.0\.0\.1:\d+/g, "atlas.example.com"],
];

/** Lines of a condition that tell a person nothing about its cause. */
const LEFT_OUT = /^ +(?:Last Transition Time|Observed Generation):/;

/** Types of conditions that matter while they are True. */
const PASSING = /Type: +(?:Issuing|Reconciling|Complete|Failed)$/m;

/** The first line of a field of a condition. A message may have several lines, with a manifest in it. */
const FIELD = /^ {4}(Message|Reason|Status|Type): +/;

/**
 * The conditions and the Events. Omits conditions that only matter while they are True, and sorts Events by their texts: their
 * order within a second is undefined.
 *
 * @param printed what kubectl printed for an object
 * @param names those of the run, with those that the page has instead
 */
export function describedState(printed: string, names: Readonly<Record<string, string>>): string {
  let text = printed;
  for (const [found, shown] of Object.entries(names)) text = text.replaceAll(found, shown);
  for (const [found, shown] of PLACEHOLDERS) text = text.replaceAll(found, shown);
  const lines = text.split("\n");
  const conditions = conditionsIn(lines).filter((one) => !(PASSING.test(one) && /Status: +False$/m.test(one)));
  return ["Status:", "  Conditions:", ...conditions, ...eventsIn(lines)].join("\n");
}

function conditionsIn(lines: readonly string[]): readonly string[] {
  const start = lines.indexOf("  Conditions:") + 1;
  // A condition ends with its type.
  const end = lines.findLastIndex((line) => FIELD.exec(line)?.[1] === "Type") + 1;
  const kept = lines.slice(start, end).filter((line) => !LEFT_OUT.test(line));
  return kept
    .map((line) => line.replace(FIELD, (_found, name: string) => `    ${`${name}:`.padEnd(10)}`))
    .join("\n")
    .split(/(?<=^ +Type: .*)\n/m)
    .map((one) => one.replaceAll(/ +$/gm, ""));
}

function eventsIn(lines: readonly string[]): readonly string[] {
  const start = lines.findIndex((line) => line.startsWith("Events:"));
  const rows = lines
    .slice(start + 3)
    .join("\n")
    .trimEnd();
  if (rows === "") return [];
  const texts = rows.split(/\n(?= {2}(?:Normal|Warning) )/).map((row) => {
    const [first = "", ...more] = row.split("\n");
    const [type = "", reason = "", , , ...message] = first.trim().split(/ {2,}/);
    return [`  ${type}  ${reason}  ${message.join("  ")}`, ...more].join("\n");
  });
  return ["Events:", ...new Set(texts.toSorted())];
}
