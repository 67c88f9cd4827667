/** What `kubectl describe` says of a resource, without what differs between two runs. */

const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;
/** How long a certificate of a simulated month is still valid. */
const SECONDS = /\b\d+s\b/g;
const SERIAL_NUMBER = /\b\d{15,}\b/g;
/** Lines of a condition that tell a person nothing about its cause. */
const LEFT_OUT = /^ +(?:Last Transition Time|Observed Generation):/;

/**
 * The conditions and the Events. Leaves out the condition Issuing while nothing is being issued, and puts Events, whose order
 * within a second is nobody's, in the order of their texts.
 *
 * @param printed what kubectl printed for a resource in this namespace
 */
export function describedState(printed: string, namespace: string): string {
  const lines = printed
    .replaceAll(namespace, "shop")
    .replaceAll(TIME, "<time>")
    .replaceAll(SECONDS, "<duration>")
    .replaceAll(SERIAL_NUMBER, "<serial>")
    .replaceAll(/127\.0\.0\.1:\d+/g, "atlas.example.com")
    .split("\n");
  const conditions = conditionsIn(lines).filter(
    (one) => !(/Type: +Issuing$/m.test(one) && /Status: +False$/m.test(one)),
  );
  return ["Status:", "  Conditions:", ...conditions, ...eventsIn(lines)].join("\n");
}

function conditionsIn(lines: readonly string[]): readonly string[] {
  const start = lines.indexOf("  Conditions:") + 1;
  const end = lines.findIndex((line, index) => index >= start && !line.startsWith("    "));
  const kept = lines.slice(start, end).filter((line) => !LEFT_OUT.test(line));
  // A condition ends with its type.
  return kept
    .join("\n")
    .split(/(?<=^ +Type: .*)\n/m)
    .map((one) => one.replaceAll(/ +$/gm, ""));
}

function eventsIn(lines: readonly string[]): readonly string[] {
  const start = lines.findIndex((line) => line.startsWith("Events:"));
  const rows = lines.slice(start + 3).filter((line) => line.trim() !== "");
  if (rows.length === 0) return [];
  const texts = rows.map((row) => {
    const [type = "", reason = "", , , ...message] = row.trim().split(/ {2,}/);
    return `  ${type}  ${reason}  ${message.join("  ")}`;
  });
  return ["Events:", ...new Set(texts.toSorted())];
}
