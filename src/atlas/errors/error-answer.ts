import { isIP } from "node:net";
import * as z from "zod";
import { parseExactJson } from "../exact-json.ts";
import type { AtlasAnswer } from "../transport/exchange-handler.ts";

/** The content of an error answer. */
export interface ErrorAnswer {
  /** Whether the body is a JSON object, as all of Atlas' errors are; a proxy's page is not. */
  readonly fromAtlas: boolean;
  readonly errorCode: string | undefined;
  readonly detail: string | undefined;
}

/** The error body of the Atlas Administration API, and that of OAuth 2.0 (RFC 6749, section 5.2). */
const errorBody = z.object({
  errorCode: z.string().optional().catch(undefined),
  detail: z.string().optional().catch(undefined),
  error: z.unknown().optional(),
  error_description: z.string().optional().catch(undefined),
});

/** Reads the body of an answer whose status is an error. Never throws; keeps only what is safe to show. */
export function readErrorAnswer(answer: Pick<AtlasAnswer, "body">, conceal: (text: string) => string): ErrorAnswer {
  const parsed = errorBody.safeParse(parseExactJson(answer.body.reveal()));
  if (!parsed.success) return { fromAtlas: false, errorCode: undefined, detail: undefined };
  const { errorCode, detail, error, error_description } = parsed.data;
  return {
    fromAtlas: true,
    errorCode: cleanCode(errorCode, conceal) ?? cleanCode(typeof error === "string" ? error : undefined, conceal),
    detail: cleanDetail(detail ?? error_description, conceal),
  };
}

/** The first IP address in a text, with which Atlas tells which address it refused. */
export function addressIn(detail: string | undefined): string | undefined {
  return detail?.split(/[^0-9a-fA-F.:]+/).find((word) => isIP(word.replace(/[.:]$/, "")) !== 0);
}

/** Atlas' codes are upper case, those of OAuth lower case; nothing in mixed case, as tokens and keys are, gets through. */
function cleanCode(code: string | undefined, conceal: (text: string) => string): string | undefined {
  if (code === undefined || conceal(code) !== code) return undefined;
  return /^([A-Z][A-Z0-9_]{1,99}|[a-z][a-z_]{1,39})$/.test(code) ? code : undefined;
}

const LONGEST_DETAIL = 300;

/**
 * A server in trouble may echo anything. What resembles key material or a credential is dropped altogether; secrets of
 * this client's own are taken out, and so are characters that can't be seen or that turn the direction of writing.
 */
function cleanDetail(detail: string | undefined, conceal: (text: string) => string): string | undefined {
  if (detail === undefined) return undefined;
  const visible = detail.replace(/\p{Cf}+/gu, "").replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ");
  if (/-----|PRIVATE KEY|[A-Za-z0-9+/_=-]{60,}|Bearer|Basic /i.test(visible)) return undefined;
  const text = conceal(visible).trim().slice(0, LONGEST_DETAIL).toWellFormed();
  return text === "" ? undefined : text;
}
