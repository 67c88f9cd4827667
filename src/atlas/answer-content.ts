import type { z } from "zod";
import type { ErrorContext } from "./error-context.ts";
import { errorFromContent } from "./errors.ts";
import { parseExactJson } from "./exact-json.ts";
import type { AtlasAnswer } from "./exchange-handler.ts";

/** The JSON of an answer that succeeded. @throws AtlasError when it is none */
export function parseJson(answer: AtlasAnswer, context: ErrorContext): unknown {
  try {
    return parseExactJson(answer.body.reveal());
  } catch (error) {
    throw errorFromContent(answer, "with a body that is not JSON", context, error);
  }
}

/**
 * What an answer that succeeded holds.
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
  throw errorFromContent(answer, `with something else than ${what}`, context, parsed.error);
}
