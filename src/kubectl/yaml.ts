type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Texts that YAML reads as texts without quotes, in each of its versions. */
const PLAIN = /^[A-Za-z][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*$/;
const OTHER_MEANING = /^(?:true|false|yes|no|on|off|null|y|n)$/i;

/** Data as YAML. A text is written plainly where that is certain, and as in JSON, which is YAML too, everywhere else. */
export function toYaml(data: unknown): string {
  // Leaves out undefined, as JSON does.
  const json: Json = JSON.parse(JSON.stringify(data));
  return `${block(json, "").trimStart()}\n`;
}

/** Begins with a line break where it takes several lines, and with a blank where it takes one. */
function block(json: Json, indent: string): string {
  if (json === null || typeof json !== "object") return ` ${scalar(json)}`;
  if (isList(json)) {
    if (json.length === 0) return " []";
    // A list stands no further to the right than its key.
    return json.map((item) => `\n${indent}-${` ${block(item, `${indent}  `).trimStart()}`}`).join("");
  }
  const entries = Object.entries(json);
  if (entries.length === 0) return " {}";
  return entries
    .map(([key, value]) => {
      const inner = isList(value) ? indent : `${indent}  `;
      return `\n${indent}${scalar(key)}:${block(value, inner)}`;
    })
    .join("");
}

function isList(json: Json): json is readonly Json[] {
  return Array.isArray(json);
}

function scalar(value: string | number | boolean | null): string {
  const isPlain = typeof value === "string" && PLAIN.test(value) && !OTHER_MEANING.test(value);
  return isPlain ? value : JSON.stringify(value);
}
