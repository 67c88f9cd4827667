import { type MarkOption, marked } from "../../../api/condition-states.ts";
import {
  CUSTOMER_X509_REMOVAL,
  type CustomerX509Removal,
  type CustomerX509RemovalStatus,
  parseCustomerX509Removal,
} from "../../../api/customer-x509-removal.ts";
import type { ClusterObject } from "../../../api/parse-object.ts";
import type { Store } from "../../../kube/cache/store.ts";
import type { KubeApi } from "../../../kube/kube-api.ts";
import { KubeError } from "../../../kube/kube-error.ts";
import { mergePatchOf } from "../../../kube/merge-patch.ts";
import { StatusSender } from "../../../kube/status-sender.ts";

/** A request as the cache has it. */
export type CachedRemoval = ClusterObject<CustomerX509Removal["spec"], CustomerX509Removal["status"]>;

/** With the object as it is now: `notKept` if the API server dropped a part of what was written. */
type WriteResult =
  | { readonly kind: "written" | "notKept"; readonly removal: CustomerX509Removal }
  | { readonly kind: "overtaken" };

export interface RemovalStatusOptions extends MarkOption {
  readonly kube: Pick<KubeApi, "get" | "mergePatch">;
  readonly store: Store<CachedRemoval>;
  /** Called with the name of an object that others changed, if the answer of a write shows it first. */
  readonly wake: (name: string) => void;
}

/** Writes the status of requests: only onto the state that was decided upon. Of two processes, one is `overtaken`. */
export class RemovalStatus {
  readonly #sender: StatusSender<CachedRemoval>;

  readonly #mark: string;

  constructor({ kube, store, wake, mark = "" }: RemovalStatusOptions) {
    this.#mark = mark;
    const type = CUSTOMER_X509_REMOVAL;
    const onForeignChange = ({ key }: { readonly key: string }) => wake(key);
    this.#sender = new StatusSender({ kube, type, parse: parseCustomerX509Removal, store, onForeignChange });
  }

  /** Writes what differs. */
  async write(
    removal: CustomerX509Removal,
    next: CustomerX509RemovalStatus,
    signal?: AbortSignal,
  ): Promise<WriteResult> {
    const { conditions = [], message = "" } = next;
    const status = { ...next, conditions: marked(conditions, this.#mark), message: this.#mark + message };
    const patch = mergePatchOf(removal.status, status);
    if (patch === undefined) return { kind: "written", removal };
    try {
      const written = await this.#sender.send(removal, patch, signal);
      // A CRD of another version drops fields that it does not know: what is not on record must not be done.
      if (!written.valid) return { kind: "overtaken" };
      const isKept = mergePatchOf(status, written.status) === undefined;
      return { kind: isKept ? "written" : "notKept", removal: written };
    } catch (error: unknown) {
      if (KubeError.is(error, "Conflict", "NotFound")) return { kind: "overtaken" };
      throw error;
    }
  }
}
