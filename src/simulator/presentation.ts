import type { Answer } from "./answers.ts";
import { prettyJson } from "./pretty-json.ts";

/**
 * Applies the query parameters `pretty` and `envelope`, which every operation has. An envelope takes the status into
 * the body: beside the fields of a list, around everything else.
 */
export function present(answer: Answer, query: URLSearchParams): Answer {
  const enveloped = query.get("envelope") === "true" ? { ...answer, body: envelope(answer) } : answer;
  const isJson = /^[{[]/.test(enveloped.body);
  return query.get("pretty") === "true" && isJson ? { ...enveloped, body: prettyJson(enveloped.body) } : enveloped;
}

function envelope({ status, body }: Answer): string {
  if (body.startsWith("{") && body.includes('"results":[')) return `${body.slice(0, -1)},"status":${status}}`;
  const json = body.startsWith("{") ? body : JSON.stringify(body);
  return `{"envelope":${json},"status":${status}}`;
}
