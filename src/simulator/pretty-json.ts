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
