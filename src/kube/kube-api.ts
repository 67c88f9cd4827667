import type { Desired, KubeObject, ObjectRef, ResourceType } from "./resource-type.ts";

/** Options of every call. */
export interface CallOptions {
  /** Ends the call; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Deadline of the whole call in milliseconds, waiting for its turn included. @default the client's `timeoutMs` */
  readonly timeoutMs?: number | undefined;
  /** Goes past the request budget and the connection cap. For the lease alone. @default false */
  readonly urgent?: boolean | undefined;
}

export interface AnswerOptions {
  /**
   * Asks for the metadata alone: the answer then holds nothing else, so give the type as `ResourceType<KubeObject>`.
   * A Secret's key material never leaves the API server this way. @default false
   */
  readonly metadataOnly?: boolean | undefined;
}

export interface SelectOptions {
  /** Only this namespace. @default all namespaces */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface GetOptions extends CallOptions, AnswerOptions {}

export interface ListOptions<T = never, R = unknown> extends CallOptions, AnswerOptions, SelectOptions {
  /**
   * Reduces an object to the part to keep. Each object is parsed and dropped separately, so that a list takes no more memory
   * than these parts. An error that this function throws ends the list. @default the whole object
   */
  readonly keep?: ((object: T) => R) | undefined;
  /** Maximum number of objects per page; 0 asks for everything in one answer. @default 100 */
  readonly limit?: number | undefined;
}

export interface ListPage<T> {
  readonly items: readonly T[];
  /** The state that all pages of one list show: a watch goes on from here. */
  readonly resourceVersion: string;
  /** Names of objects that are too large to be read. */
  readonly skipped: readonly string[];
}

export interface WatchOptions extends CallOptions, AnswerOptions, SelectOptions {
  /** Changes after this one are sent. */
  readonly resourceVersion: string;
  /** How long the API server shall keep the watch, in seconds; it then ends it without an error. */
  readonly timeoutSeconds?: number | undefined;
  /** How long nothing may arrive before the connection counts as dead, in milliseconds. @default 90000 */
  readonly silenceTimeoutMs?: number | undefined;
}

/** An event of a watch. `OPENED` comes first, once: the API server has accepted the watch. */
export type WatchEvent<T> =
  | { readonly type: "OPENED" }
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: T }
  | { readonly type: "BOOKMARK"; readonly resourceVersion: string };

export interface WriteOptions extends CallOptions, AnswerOptions {
  /** Everything but the storing: validation, admission, quota. @default false */
  readonly dryRun?: boolean | undefined;
  /** Under which name the API server notes the fields as set. @default the client's `fieldManager` */
  readonly fieldManager?: string | undefined;
}

export interface MergePatchOptions extends WriteOptions {
  readonly subresource?: "status" | undefined;
}

/**
 * The calls to the API server that this product makes. Every one throws KubeError, or the reason of its signal. All but
 * KubeClient's tests can stand on another implementation.
 */
export interface KubeApi {
  /** Throws KubeError `NotFound` when there is no such object. */
  get<T extends KubeObject>(type: ResourceType<T>, ref: ObjectRef, options?: GetOptions): Promise<T>;

  /** The objects page by page. A page token that has become too old throws `Expired`. */
  list<T extends KubeObject, R = T>(type: ResourceType<T>, options?: ListOptions<T, R>): AsyncIterable<ListPage<R>>;

  /**
   * Changes as they happen. Ends without an error when the API server has had enough of it (`timeoutSeconds`); throws
   * `Expired` when the resourceVersion is too old, `Network` when the line is cut, `Timeout` when it falls silent.
   */
  watch<T extends KubeObject>(type: ResourceType<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>>;

  /** Throws `AlreadyExists`. */
  create<T extends KubeObject>(type: ResourceType<T>, object: Desired<T>, options?: WriteOptions): Promise<T>;

  /** JSON merge patch (RFC 7386). A `metadata.resourceVersion` in it is a precondition: `Conflict` if it isn't the current one. */
  mergePatch<T extends KubeObject>(
    type: ResourceType<T>,
    ref: ObjectRef,
    patch: object,
    options?: MergePatchOptions,
  ): Promise<T>;
}
