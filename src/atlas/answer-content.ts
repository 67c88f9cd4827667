import type * as z from "zod";
import type { ErrorContext } from "./errors/error-context.ts";
import { errorFromContent } from "./errors/make-error.ts";
import { parseExactJson } from "./exact-json.ts";
import type { AtlasAnswer } from "./transport/exchange-handler.ts";

/** The JSON of an answer that succeeded. @throws AtlasError when it is none */
export function parseJson(answer: AtlasAnswer, context: ErrorContext): unknown {
  const value = parseExactJson(answer.body.reveal());
  if (value === undefined) throw errorFromContent(answer, "with a body that is not JSON", context);
  return value;
}

/**
 * The content of a successful answer.
 *
 * @param what - the thing it should be, as the end of a sentence
 * @throws AtlasError when it is something else
 */
export function parseBody<T extends z.ZodType>(
  answer: AtlasAnswer,
  schema: T,
  what: string,
  context: ErrorContext,
): z.output<T> {
  const parsed = schema.safeParse(parseJson(answer, context));
  if (parsed.success) return parsed.data;
  const path = parsed.error.issues[0]?.path.join(".") ?? "";
  const shape = `with something other than ${what}${path === "" ? "" : ` (at ${path})`}`;
  throw errorFromContent(answer, shape, context, { cause: parsed.error });
}
