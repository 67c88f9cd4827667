import * as z from "zod";

/** Pieces that the schemas of several kinds share. */

export interface Rule {
  readonly rule: string;
  readonly message: string;
  /** The field to report, if the rule belongs to an object above it, such as `.renewBefore`. */
  readonly fieldPath?: string;
}

/** Rules become x-kubernetes-validations. */
export const rules = (...list: readonly Rule[]) => ({ "x-kubernetes-validations": list });

const DNS_SUBDOMAIN = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/** The name of an object that the spec refers to. */
export const objectName = (field: string, description: string) =>
  z.string().meta({
    description,
    maxLength: 253,
    ...rules({
      rule: `self.matches('${DNS_SUBDOMAIN}')`,
      message: `${field} must be a DNS subdomain: at most 253 lower-case letters, digits, '-' and '.', starting and ending with a letter or digit`,
    }),
  });

export const projectIdSchema = z.string().meta({
  description: "ID of the Atlas project (group): the 24 lower-case hexadecimal digits in the project's settings.",
  maxLength: 128,
  ...rules({
    rule: "self.matches('^[0-9a-f]{24}$')",
    message: "projectId must be the 24 lower-case hexadecimal digits that Atlas shows in the project's settings",
  }),
});

/** A Kubernetes qualified name, so that a key that the API server would refuse in an object is refused here first. */
const QUALIFIED_NAME =
  "^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";

export const keysQualified: Rule = {
  rule: `self.all(key, key.matches('${QUALIFIED_NAME}') && key.indexOf('/') <= 253)`,
  message:
    "a key must be a name of at most 63 letters, digits, '-', '_' and '.' that starts and ends with a letter or digit, optionally preceded by a DNS subdomain and a '/', such as app or example.com/team",
};

export const labelValuesValid: Rule = {
  rule: "self.all(key, self[key].matches('^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$'))",
  message:
    "a label value must be empty, or at most 63 letters, digits, '-', '_' and '.' that start and end with a letter or digit",
};

export const timestamp = (description: string) => z.string().meta({ description, format: "date-time" });
