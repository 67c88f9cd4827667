import type { SelectOptions } from "../../../src/kube/kube-api.ts";
import type { KubeObject } from "../../../src/kube/resource-type.ts";

/** Whether a list or a watch shows the object. Selectors are those that the operator uses: one `=` or `!=`. */
export function selected({ metadata }: KubeObject, options: SelectOptions): boolean {
  const { namespace, labelSelector, fieldSelector } = options;
  if (namespace !== undefined && metadata.namespace !== namespace) return false;
  if (labelSelector !== undefined && !holds(labelSelector, (key) => metadata.labels?.[key])) return false;
  return (
    fieldSelector === undefined || holds(fieldSelector, (key) => (key === "metadata.name" ? metadata.name : undefined))
  );
}

function holds(selector: string, read: (key: string) => string | undefined): boolean {
  const [, key = "", operator, value] = /^([^=!,]+)(!=|==?)([^=,]*)$/.exec(selector) ?? [];
  if (operator === undefined) throw new Error(`the simulated API server does not know the selector ${selector}`);
  return (read(key) === value) !== (operator === "!=");
}
