import type { Answer } from "./answers.ts";

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

/** Compact JSON the way Jackson prints it. Works on the text: numbers beyond 2^53 stay as they are. */
export function prettyJson(compact: string): string {
  const open: string[] = [];
  const line = () => `\n${"  ".repeat(open.filter((one) => one === "{").length)}`;
  return compact.replaceAll(/"(?:[^"\\]|\\.)*"|\{\}|\[\]|[{}[\],:]/g, (token) => {
    switch (token) {
      case "{}":
        return "{ }";
      case "[]":
        return "[ ]";
      case "{":
      case "[":
        open.push(token);
        return token === "{" ? `{${line()}` : "[ ";
      case "}":
        open.pop();
        return `${line()}}`;
      case "]":
        open.pop();
        return " ]";
      case ",":
        return open.at(-1) === "{" ? `,${line()}` : ", ";
      case ":":
        return " : ";
      default:
        return token;
    }
  });
}
